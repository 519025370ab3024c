-- Every deal of the account in the engagements resource: what it is worth and
-- how it stands.
-- Grain: one row per deal_id
-- Answers: what is this deal, what is it worth, and what became of it?
-- Columns:
--   deal_id: Partner Center's identifier of this row of the deal
--   engagement_id: what the rows of one deal at several partners share
--   referral_id: the same deal in marts.referrals; null where that is not
--     certain
--   deal_name: what the deal is called
--   category: marketplace lead, qualified lead or co-sell; null where its
--     fields fit none of these
--   deal_type: private (not shared with Microsoft's sellers), co-sell
--     (Microsoft was asked for help) or partner-led
--   direction: own (entered by its owner), incoming or outgoing; null if
--     unknown
--   customer_name: the customer's company
--   customer_market: the customer's country
--   external_reference_id: the deal's identifier in the partner's CRM
--   outcome: how it ended: won, lost, declined, expired or error; null while
--     open
--   status_reason: why it was closed, as Partner Center has it
--   is_open: whether it has no outcome
--   is_counted: false if it was closed as an error, so that it never was a deal
--   sales_stage_percent: how far the sale has come, 10 to 100; null if unknown
--   created_at: when it was created, UTC
--   accepted_at: when it was accepted, UTC
--   closed_at: when it was closed, UTC; null while open or if not dated
--   expected_close_on: the day on which it is expected to close, UTC
--   deal_value: what the deal is worth, in `currency`; 0 and null are no value
--   currency: currency of deal_value, ISO 4217
--   deal_value_usd: deal_value in US dollars, at the rate of as_of's month
--     while open, else of the month of closing; null without a value or a rate
--   is_overdue: whether it is open and was expected to close on a day before
--     as_of's
--   closing_slips: how often its expected close was seen to move to a later day
--   updated_at: when it was last edited in Partner Center, UTC
--   is_accepted_by_microsoft: whether Microsoft accepted it

with deals as (

    select * from intermediate.valued_deals

), deal_links as (

    select * from intermediate.deal_links

), deal_slips as (

    select * from intermediate.deal_slips

)

select
    deals.deal_id,
    deals.engagement_id,
    deal_links.referral_id,
    deals.deal_name,
    deals.category,
    deals.deal_type,
    deals.direction,
    deals.customer_name,
    deals.customer_market,
    deals.external_reference_id,
    deals.outcome,
    deals.status_reason,
    deals.is_open,
    deals.is_counted,
    deals.sales_stage_percent,
    deals.created_at,
    deals.accepted_at,
    deals.closed_at,
    deals.expected_close_on,
    deals.deal_value,
    deals.currency,
    deals.deal_value_usd,
    deals.is_overdue,
    coalesce(deal_slips.closing_slips, 0) as closing_slips,
    deals.updated_at,
    deals.is_accepted_by_microsoft
from deals
left join deal_links on deals.deal_id = deal_links.deal_id
left join deal_slips on deals.deal_id = deal_slips.deal_id
