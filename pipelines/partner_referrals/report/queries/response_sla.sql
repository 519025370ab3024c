-- How many deadlines were kept: in all (created_month is null), and for the two
-- months before that of the moment the report is about.
-- Grain: one row per segment_id, rule, created_month

with response_sla as (

    select * from marts.response_sla

), referrals as (

    select * from temp.shown_referrals

), moment as (

    select * from temp.shown_moment

), counted as (

    select
        referrals.segment_ids,
        response_sla.rule,
        response_sla.state,
        case
            when
                referrals.created_at
                >= date_trunc('month', moment.as_of) - interval 2 month
                then cast(date_trunc('month', referrals.created_at) as date)
        end as created_month,
        count(*) as referral_count
    from response_sla
    inner join referrals on response_sla.referral_id = referrals.referral_id
    cross join moment
    group by all

), segment_states as (

    select
        * exclude (segment_ids),
        unnest(segment_ids) as segment_id
    from counted

), summed as (

    select
        segment_id,
        rule,
        created_month,
        grouping(created_month) = 1 as is_total,
        coalesce(
            sum(referral_count) filter (where state = 'met'), 0
        ) as met_count,
        coalesce(
            sum(referral_count) filter (where state = 'breached'), 0
        ) as breached_count,
        coalesce(
            sum(referral_count) filter (where state = 'pending'), 0
        ) as pending_count
    from segment_states
    group by
        grouping sets (
            (segment_id, rule), (segment_id, rule, created_month)
        )

)

select
    segment_id,
    rule,
    created_month,
    cast(met_count as bigint) as met_count,
    cast(breached_count as bigint) as breached_count,
    cast(pending_count as bigint) as pending_count,
    met_count / nullif(met_count + breached_count, 0) as compliance_rate
from summed
where is_total or created_month is not null
order by segment_id, rule, created_month
