-- The exchange rate for each currency and month up to as_of: that of the month,
-- else the newest before it. A user's own rate goes before Partner Center's.
-- Grain: one row per currency, rate_month
-- Answers: at which rate is a deal's value converted?
-- Columns:
--   rate_month: first day of the month

with fx_rates as (

    select * from staging.fx_rates

), moments as (

    select * from intermediate.moments

), preferred as (

    select
        currency,
        month,
        usd_per_unit,
        row_number() over (
            partition by currency, month
            order by case when origin = 'file' then 0 else 1 end
        ) as place
    from fx_rates

), spans as (

    select
        preferred.currency,
        preferred.month as first_month,
        preferred.usd_per_unit,
        least(
            cast(
                lead(preferred.month) over (
                    partition by preferred.currency order by preferred.month
                ) - interval 1 month as date
            ),
            cast(date_trunc('month', moments.as_of) as date)
        ) as last_month
    from preferred
    cross join moments
    where preferred.place = 1

), months as (

    -- So that the deals are joined by equality.
    select
        currency,
        usd_per_unit,
        unnest(
            generate_series(first_month, last_month, interval 1 month)
        ) as month
    from spans
    -- Spark refuses a series that ends before it begins.
    where first_month <= last_month

)

select
    currency,
    cast(month as date) as rate_month,
    usd_per_unit
from months
