-- How old the open referrals are, and what they wait for. Bins by days since
-- creation; bin null where that is unknown.
-- Grain: one row per segment_id, bin, urgency

with open_referrals as (

    select * from temp.shown_open

), counted as (

    select
        segment_ids,
        urgency,
        case
            when days_open is not null
                then
                    len(
                        list_filter(
                            [1, 3, 7, 14, 30, 60, 90, 180],
                            lambda edge: days_open > edge
                        )
                    )
        end as bin,
        count(*) as referral_count
    from open_referrals
    group by all

), segment_ages as (

    select
        * exclude (segment_ids),
        unnest(segment_ids) as segment_id
    from counted

)

select
    segment_id,
    bin,
    urgency,
    cast(sum(referral_count) as bigint) as referral_count
from segment_ages
group by all
order by segment_id, bin, urgency
