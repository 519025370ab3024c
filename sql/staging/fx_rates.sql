-- Exchange rates to the US dollar by month, Partner Center's and the user's
-- own.
-- Grain: one row per currency, month, origin
-- Answers: what was a currency worth in a month, and who says so?
-- Columns:
--   currency: the currency, ISO 4217
--   usd_per_unit: US dollars for one unit of the currency
--   origin: partner_center, or file for the user's own rates

with fx_rates as (

    select * from partner_center.fx_rates

), own_rates as (

    select * from settings.fx_rates

)

select
    currency_code as currency,
    month,
    usd_per_unit,
    origin
from fx_rates
union all
select
    currency_code as currency,
    month,
    usd_per_unit,
    'file' as origin
from own_rates
