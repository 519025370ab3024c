-- What became of the referrals of each of the last 24 months, for each segment
-- that can be chosen.
-- Grain: one row per segment_id, created_month

with funnel_cohorts as (

    select * from marts.funnel_cohorts

), segments as (

    select * from temp.shown_segments

), moment as (

    select * from temp.shown_moment

)

select
    segments.segment_id,
    funnel_cohorts.created_month,
    funnel_cohorts.created_count,
    funnel_cohorts.responded_count,
    funnel_cohorts.accepted_count,
    funnel_cohorts.won_count,
    funnel_cohorts.lost_count,
    funnel_cohorts.open_count,
    funnel_cohorts.won_within_7_days_rate,
    funnel_cohorts.won_within_14_days_rate,
    funnel_cohorts.won_within_30_days_rate,
    funnel_cohorts.won_within_60_days_rate,
    funnel_cohorts.won_within_90_days_rate
from funnel_cohorts
inner join segments
    on
        funnel_cohorts.segment = segments.segment
        and funnel_cohorts.segment_value
        is not distinct from segments.segment_value
cross join moment
where
    funnel_cohorts.created_month
    > date_trunc('month', moment.as_of) - interval 24 month
order by segments.segment_id, funnel_cohorts.created_month desc
