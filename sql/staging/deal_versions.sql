-- Every version of every deal that the warehouse has observed in the
-- engagements resource, in the words of the business.
-- Grain: one row per deal_id, valid_from
-- Answers: what did Partner Center say about a deal, and when did it?
-- Columns:
--   deal_id: Partner Center's identifier of this row of the deal
--   deal_name: what the deal is called
--   organization_id: whose row of the deal this is
--   status: New, Active or Closed, as Partner Center spelt it
--   substatus: Pending, Received, Accepted or how it ended, as Partner Center
--     spelt it
--   sharing: Shared or Independent
--   stated_direction: Incoming or Outgoing, as Partner Center has it
--   microsoft_msx_id: Microsoft's own id of the deal; null until it accepts
--   invited_by_organization_id: the organization that invited the owner
--   customer_name: the customer's company
--   customer_org_size: the customer's size, on one of two scales
--   customer_market: the customer's country
--   deal_value: what the deal is worth, in `currency`; null, 0 and what is below
--     0 are no value
--   currency: currency of deal_value, ISO 4217
--   expected_close_at: when it is expected to close, UTC
--   created_at: when it was created, UTC
--   accepted_at: when it was accepted, UTC
--   closed_at: when it was closed, however it ended, UTC
--   updated_at: when it was last edited in Partner Center, UTC
--   is_listed: false once Partner Center no longer listed it
--   valid_to: when the next version took its place, UTC; null while current

with engagements as (

    select * from partner_center.engagements

)

select
    id as deal_id,
    engagement_id,
    name as deal_name,
    organization_id,
    external_reference_id,
    status,
    substatus,
    status_reason,
    type as sharing,
    qualification,
    direction as stated_direction,
    sales_stage,
    assistance_request_code,
    is_shared_with_microsoft,
    microsoft_msx_id,
    invited_by_organization_id,
    customer_name,
    customer_size as customer_org_size,
    customer_country as customer_market,
    deal_value,
    currency,
    closing_date_time as expected_close_at,
    created_date_time as created_at,
    accepted_date_time as accepted_at,
    closed_date_time as closed_at,
    updated_date_time as updated_at,
    is_listed,
    valid_from,
    valid_to
from engagements
