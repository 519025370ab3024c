-- A calendar for tools that relate tables by day: whole years, from that of the
-- first referral or deal to the one after as_of.
-- Grain: one row per date
-- Answers: which days, weeks, months and years lie between the first referral
-- or deal and the last day that anything is expected on?
-- Columns:
--   date: the day, UTC
--   year: its year
--   quarter: its quarter, 1 to 4
--   month: its month, 1 to 12
--   year_month: its year and month, such as 2026-03, which sorts as time does
--   month_start: first day of its month
--   week_start: the Monday of its week
--   day_of_week: 1 for Monday to 7 for Sunday
--   is_weekend: whether it is a Saturday or Sunday
--   is_past: whether it is the day of as_of, or an earlier one

with daily_flow as (

    select min(day) as first_day from intermediate.daily_flow

), deal_months as (

    select min(month) as first_day from intermediate.deal_months

), moments as (

    select * from intermediate.moments

), bounds as (

    select
        cast(moments.as_of as date) as today,
        cast(
            date_trunc(
                'year', least(daily_flow.first_day, deal_months.first_day)
            ) as date
        ) as first_day,
        cast(
            date_trunc('year', moments.as_of) + interval 2 year as date
        ) as end_day
    from moments
    cross join daily_flow
    cross join deal_months

), weeks as (

    select
        unnest(
            generate_series(
                cast(date_trunc('week', first_day) as date),
                end_day,
                interval 7 day
            )
        ) as week_start,
        first_day,
        end_day,
        today
    from bounds
    -- Spark refuses a series that ends before it begins.
    where first_day <= end_day

), weekdays as (

    select day_of_week
    from (values (1), (2), (3), (4), (5), (6), (7)) as weekdays (day_of_week)

), days as (

    select
        cast(
            weeks.week_start + (weekdays.day_of_week - 1) * interval 1 day
            as date
        ) as date,
        cast(weeks.week_start as date) as week_start,
        weekdays.day_of_week,
        weeks.first_day,
        weeks.end_day,
        weeks.today
    from weeks
    cross join weekdays

), placed as (

    select
        *,
        cast(extract(year from date) as integer) as year,
        cast(extract(quarter from date) as integer) as quarter,
        cast(extract(month from date) as integer) as month
    from days
    where date >= first_day and date < end_day

)

select
    date,
    year,
    quarter,
    month,
    concat(
        cast(year as varchar),
        case when month < 10 then '-0' else '-' end,
        cast(month as varchar)
    ) as year_month,
    cast(date_trunc('month', date) as date) as month_start,
    week_start,
    day_of_week,
    day_of_week >= 6 as is_weekend,
    date <= today as is_past
from placed
