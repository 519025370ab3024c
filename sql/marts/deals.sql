-- Every deal of the account in the engagements resource: what it is worth and
-- how it stands. The records that the other organizations in the same
-- engagements have of it are left out.
-- Grain: one row per deal_id
-- Answers: what is this deal, what is it worth, and what became of it?
-- Columns:
--   referral_id: the same deal in marts.referrals; null where that is not
--     certain

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
