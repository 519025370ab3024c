-- Each deal with its value in US dollars, where there is a rate.
-- Grain: one row per deal_id
-- Answers: what is a deal worth in US dollars?
-- Columns:
--   deal_id: Partner Center's identifier of this row of the deal
--   engagement_id: what the rows of one deal at several partners share
--   deal_name: what the deal is called
--   external_reference_id: the deal's identifier in the partner's CRM
--   category: marketplace lead, qualified lead or co-sell; null where its
--     fields fit none of these
--   deal_type: private (not shared with Microsoft's sellers), co-sell
--     (Microsoft was asked for help) or partner-led
--   direction: own (entered by its owner), incoming or outgoing; null if
--     unknown
--   customer_name: the customer's company
--   customer_market: the customer's country
--   outcome: how it ended: won, lost, declined, expired or error; null while
--     open
--   status_reason: why it was closed, as Partner Center has it
--   is_open: whether it has no outcome
--   is_counted: false if it was closed as an error, so that it never was a deal
--   current_stage: the furthest stage that it reached: created or accepted
--   sales_stage_percent: how far the sale has come, 10 to 100; null if unknown
--   created_at: when it was created, UTC
--   accepted_at: when it was accepted, UTC
--   closed_at: when it was closed, UTC; null while open or if not dated
--   expected_close_on: the day on which it is expected to close, UTC
--   deal_value: what the deal is worth, in `currency`; 0 and null are no value
--   has_value: whether deal_value is neither null nor 0
--   currency: currency of deal_value, ISO 4217
--   deal_value_usd: deal_value in US dollars, at the rate of as_of's month
--     while open, else of the month of closing; null without a value or a rate
--   is_overdue: whether it is open and was expected to close on a day before
--     as_of's
--   updated_at: when it was last edited in Partner Center, UTC
--   is_accepted_by_microsoft: whether Microsoft accepted it
--   age_days: days from created to as_of; null if created is not dated
--   days_to_close: days from created to closed; null while open, if not dated,
--     or negative by more than 60 s
--   as_of: the moment that these facts hold for, UTC

with deals as (

    select * from intermediate.deal_outcomes

), deal_rates as (

    select * from intermediate.deal_rates

)

select
    deals.deal_id,
    deals.engagement_id,
    deals.deal_name,
    deals.external_reference_id,
    deals.category,
    deals.deal_type,
    deals.direction,
    deals.customer_name,
    deals.customer_market,
    deals.outcome,
    deals.status_reason,
    deals.is_open,
    deals.is_counted,
    deals.current_stage,
    deals.sales_stage_percent,
    deals.created_at,
    deals.accepted_at,
    deals.closed_at,
    deals.expected_close_on,
    deals.deal_value,
    deals.has_value,
    deals.currency,
    case
        when deals.has_value
            then
                cast(deals.deal_value as double)
                * case
                    when deals.currency = 'USD' then 1
                    else deal_rates.usd_per_unit
                end
    end as deal_value_usd,
    deals.is_overdue,
    deals.updated_at,
    deals.is_accepted_by_microsoft,
    deals.age_days,
    deals.days_to_close,
    deals.as_of
from deals
left join deal_rates
    on
        deals.currency = deal_rates.currency
        and deals.rate_month = deal_rates.rate_month
