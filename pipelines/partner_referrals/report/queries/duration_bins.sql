-- How many referrals took so long to be responded to and accepted. Those that
-- came in accepted stand apart, as bin -1: nobody had to act on them.
-- Grain: one row per segment_id, to_stage, bin

with referrals as (

    select * from temp.shown_referrals

), steps as (

    select
        segment_ids,
        is_accepted_at_creation,
        unnest(
            [
                {'to_stage': 'responded', 'bin': responded_bin},
                {'to_stage': 'accepted', 'bin': accepted_bin}
            ],
            recursive := true
        )
    from referrals

), counted as (

    select
        segment_ids,
        to_stage,
        case when is_accepted_at_creation then -1 else bin end as bin,
        count(*) as referral_count
    from steps
    where bin is not null
    group by all

), segment_steps as (

    select
        * exclude (segment_ids),
        unnest(segment_ids) as segment_id
    from counted

)

select
    segment_id,
    to_stage,
    bin,
    cast(sum(referral_count) as bigint) as referral_count
from segment_steps
group by all
order by segment_id, to_stage, bin
