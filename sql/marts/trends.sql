-- Counts by day, week and month, compared with the period before, with the same
-- period a year before, and with what the periods before lead us to expect.
-- Grain: one row per period, period_start
-- Answers: is business growing or shrinking, and is a change more than noise?
-- Columns:
--   period: day, week (from Monday) or month
--   period_start: its first day, UTC
--   created_count: referrals created in the period
--   responded_count: referrals first responded to in the period
--   accepted_count: referrals accepted in the period
--   won_count: referrals won in the period
--   lost_count: referrals lost in the period
--   closed_count: referrals closed in the period, in any way
--   open_at_start_count: referrals open at the start of its first day that is
--     in flow_by_day
--   is_complete: whether all of it lies between the first milestone and as_of
--   created_change_rate: created_count over that of the period before, less 1;
--     null if that is 0 or there is none
--   won_change_rate: won_count over that of the period before, less 1; null if
--     that is 0 or there is none
--   created_year_change_rate: created_count over that of the same period a year
--     (of a week: 52 weeks) before, less 1; null if that is 0 or there is none
--   won_year_change_rate: won_count over that of the same period a year (of a
--     week: 52 weeks) before, less 1; null if that is 0 or there is none
--   created_expected_low: lower limit of an XmR chart of created_count over the
--     12 complete periods before, never below 0: a count outside of the limits
--     is unusual, one inside is noise; null with fewer than 6 periods
--   created_expected_high: upper limit of that chart
--   won_expected_low: lower limit of an XmR chart of won_count over the 12
--     complete periods before, never below 0; null with fewer than 6 periods
--   won_expected_high: upper limit of that chart

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
        cast(sum(created_count) as bigint) as created_count,
        cast(sum(responded_count) as bigint) as responded_count,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(won_count) as bigint) as won_count,
        cast(sum(lost_count) as bigint) as lost_count,
        cast(sum(closed_count) as bigint) as closed_count,
        min(day) as first_day,
        bool_and(
            period_start >= first_at and period_end <= as_of
        ) as is_complete
    from periods
    cross join moments
    group by period, period_start

), compared as (

    select
        summed.*,
        daily_flow.open_at_start_count,
        year_before.created_count as created_year_before_count,
        year_before.won_count as won_year_before_count,
        lag(summed.created_count) over earlier as created_before_count,
        lag(summed.won_count) over earlier as won_before_count,
        -- What to expect is told by complete periods alone; null leaves it out.
        case
            when summed.is_complete then cast(summed.created_count as double)
        end as created,
        case
            when summed.is_complete then cast(summed.won_count as double)
        end as won
    from summed
    inner join daily_flow on summed.first_day = daily_flow.day
    left join summed as year_before
        on
            summed.period = year_before.period
            and case
                when summed.period = 'week'
                    then summed.period_start - interval 364 day
                else summed.period_start - interval 1 year
            end = year_before.period_start
    window earlier as (
        partition by summed.period
        order by summed.period_start
    )

), ranged as (

    select
        *,
        abs(created - lag(created) over earlier) as created_range,
        abs(won - lag(won) over earlier) as won_range
    from compared
    window earlier as (
        partition by period
        order by period_start
    )

), expected as (

    -- Between 12 periods there are 11 ranges.
    select
        *,
        count(created) over last_12 as basis_count,
        avg(created) over last_12 as created_mean,
        avg(won) over last_12 as won_mean,
        2.66 * avg(created_range) over last_11 as created_margin,
        2.66 * avg(won_range) over last_11 as won_margin
    from ranged
    window
        last_12 as (
            partition by period
            order by period_start
            rows between 12 preceding and 1 preceding
        ),
        last_11 as (
            partition by period
            order by period_start
            rows between 11 preceding and 1 preceding
        )

)

select
    period,
    period_start,
    created_count,
    responded_count,
    accepted_count,
    won_count,
    lost_count,
    closed_count,
    open_at_start_count,
    is_complete,
    created_count / nullif(created_before_count, 0) - 1 as created_change_rate,
    won_count / nullif(won_before_count, 0) - 1 as won_change_rate,
    created_count / nullif(created_year_before_count, 0)
    - 1 as created_year_change_rate,
    won_count / nullif(won_year_before_count, 0) - 1 as won_year_change_rate,
    case
        when basis_count >= 6 then greatest(created_mean - created_margin, 0)
    end as created_expected_low,
    case
        when basis_count >= 6 then created_mean + created_margin
    end as created_expected_high,
    case
        when basis_count >= 6 then greatest(won_mean - won_margin, 0)
    end as won_expected_low,
    case
        when basis_count >= 6 then won_mean + won_margin
    end as won_expected_high
from expected
