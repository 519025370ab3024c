-- Every month from the first date of any counted deal, not before 1990, to that
-- of as_of.
-- Grain: one row per month
-- Answers: which months are there to report on?
-- Columns:
--   month: first day of the month, UTC
--   is_complete: whether all of it lies between that first date and as_of

with deals as (

    select * from intermediate.deal_outcomes
    where is_counted and created_at is not null

), moments as (

    select * from intermediate.moments

), firsts as (

    -- Earlier dates are mistakes; they start no calendar.
    select
        least(
            min(created_at) filter (where created_at >= timestamp '1990-01-01'),
            min(accepted_at) filter (
                where accepted_at >= timestamp '1990-01-01'
            ),
            min(closed_at) filter (where closed_at >= timestamp '1990-01-01')
        ) as first_at
    from deals

), bounds as (

    select
        firsts.first_at,
        moments.as_of,
        date_trunc('month', firsts.first_at) as first_month,
        date_trunc('month', moments.as_of) as last_month
    from firsts
    cross join moments

), months as (

    select
        unnest(
            generate_series(
                cast(first_month as date),
                cast(last_month as date),
                interval 1 month
            )
        ) as month,
        first_at,
        as_of
    from bounds
    -- Spark refuses a series that ends before it begins.
    where first_month <= last_month

)

select
    cast(month as date) as month,
    month >= first_at and month + interval 1 month <= as_of as is_complete
from months
