-- Each deal with its value in US dollars, where there is a rate.
-- Grain: one row per deal_id
-- Answers: what is a deal worth in US dollars?
-- Columns:
--   currency: currency of deal_value, ISO 4217
--   deal_value_usd: deal_value in US dollars, at the rate of as_of's month
--     while open, else of the month of closing; null without a value or a rate

with deals as (

    select * from intermediate.deal_outcomes

), deal_rates as (

    select * from intermediate.deal_rates

)

select
    deals.* exclude (rate_month),
    case
        when deals.has_value
            then
                cast(deals.deal_value as double)
                * case
                    when deals.currency = 'USD' then 1
                    else deal_rates.usd_per_unit
                end
    end as deal_value_usd
from deals
left join deal_rates
    on
        deals.currency = deal_rates.currency
        and deals.rate_month = deal_rates.rate_month
