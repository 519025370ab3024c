-- The exchange rate for each currency and month that deals are converted at:
-- that of the month, else the newest before it. A user's own rate goes before
-- Partner Center's.
-- Grain: one row per currency, rate_month
-- Answers: at which rate is a deal's value converted?
-- Columns:
--   currency: the currency, ISO 4217
--   rate_month: first day of the month
--   usd_per_unit: US dollars for one unit of the currency

with deals as (

    select * from intermediate.deal_outcomes

), fx_rates as (

    select * from staging.fx_rates

), asked as (

    -- A few hundred, so that the deals themselves are joined by equality.
    select distinct
        currency,
        rate_month
    from deals
    where currency is not null and has_value

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
        currency,
        month,
        usd_per_unit,
        lead(month) over (partition by currency order by month) as next_month
    from preferred
    where place = 1

)

select
    asked.currency,
    asked.rate_month,
    case
        when asked.currency = 'USD' then cast(1 as double)
        else spans.usd_per_unit
    end as usd_per_unit
from asked
left join spans
    on
        asked.currency = spans.currency
        and asked.rate_month >= spans.month
        and (spans.next_month is null or asked.rate_month < spans.next_month)
