-- The flow by day, week and month, each beside the period before it.
-- Grain: one row per period, period_start
-- Answers: is business growing or shrinking?
-- Columns:
--   period: day, week (from Monday) or month
--   period_start: its first day, UTC
--   created_count: referrals created in the period
--   responded_count: referrals first responded to in the period
--   accepted_count: referrals accepted in the period
--   won_count: referrals won in the period
--   lost_count: referrals lost in the period
--   closed_count: referrals closed, in whichever way in the period
--   open_at_start_count: referrals open at the start of its first day that is
--     told about
--   is_complete: whether its end is not after as_of
--   created_change_rate: created_count over that of the period before, less 1;
--     null if that is 0 or there is none
--   won_change_rate: won_count over that of the period before, less 1; null if
--     that is 0 or there is none

with daily_flow as (

    select * from intermediate.daily_flow

), moments as (

    select * from intermediate.moments

), periods as (

    select
        'day' as period,
        day as period_start,
        day + interval 1 day as period_end,
        daily_flow.*
    from daily_flow
    union all
    select
        'week' as period,
        cast(date_trunc('week', day) as date) as period_start,
        date_trunc('week', day) + interval 7 day as period_end,
        daily_flow.*
    from daily_flow
    union all
    select
        'month' as period,
        cast(date_trunc('month', day) as date) as period_start,
        date_trunc('month', day) + interval 1 month as period_end,
        daily_flow.*
    from daily_flow

), summed as (

    select
        period,
        period_start,
        period_end,
        cast(sum(created_count) as bigint) as created_count,
        cast(sum(responded_count) as bigint) as responded_count,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(won_count) as bigint) as won_count,
        cast(sum(lost_count) as bigint) as lost_count,
        cast(sum(closed_count) as bigint) as closed_count,
        min(day) as first_day
    from periods
    group by period, period_start, period_end

)

select
    summed.period,
    summed.period_start,
    summed.created_count,
    summed.responded_count,
    summed.accepted_count,
    summed.won_count,
    summed.lost_count,
    summed.closed_count,
    daily_flow.open_at_start_count,
    summed.period_end <= moments.as_of as is_complete,
    summed.created_count
    / nullif(lag(summed.created_count) over earlier, 0)
    - 1 as created_change_rate,
    summed.won_count
    / nullif(lag(summed.won_count) over earlier, 0)
    - 1 as won_change_rate
from summed
cross join moments
inner join daily_flow on summed.first_day = daily_flow.day
window earlier as (
    partition by summed.period
    order by summed.period_start
)
