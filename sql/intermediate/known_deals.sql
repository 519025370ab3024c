-- The version of each deal that answers: the current one, or the one that was
-- current at known_at. Dates are as Partner Center gave them, the ones after
-- as_of too.
-- Grain: one row per deal_id
-- Answers: what does the warehouse know of a deal?
-- Columns:
--   deal_id: Partner Center's identifier of this row of the deal
--   engagement_id: what the rows of one deal at several partners share
--   deal_name: what the deal is called
--   organization_id: whose row of the deal this is
--   external_reference_id: the deal's identifier in the partner's CRM
--   status: New, Active or Closed, as Partner Center spelt it
--   substatus: Pending, Received, Accepted or how it ended, as Partner Center
--     spelt it
--   status_reason: why it was closed, as Partner Center has it
--   sharing: Shared or Independent
--   qualification: Direct, MarketingQualified or SalesQualified
--   stated_direction: Incoming or Outgoing, as Partner Center has it
--   sales_stage: a percentage as text, or the name of a stage
--   assistance_request_code: the help that Microsoft was asked for
--   is_shared_with_microsoft: whether Microsoft's sellers may see it
--   microsoft_msx_id: Microsoft's own id of the deal; null until it accepts
--   invited_by_organization_id: the organization that invited the owner
--   customer_name: the customer's company
--   customer_org_size: the customer's size, on one of two scales
--   customer_market: the customer's country
--   deal_value: what the deal is worth, in `currency`; 0 and null are no value
--   currency: currency of deal_value, ISO 4217
--   expected_close_at: when it is expected to close, UTC
--   created_at: when it was created, UTC
--   accepted_at: when it was accepted, UTC
--   closed_at: when it was closed, however it ended, UTC
--   updated_at: when it was last edited in Partner Center, UTC
--   is_listed: false once Partner Center no longer listed it
--   valid_from: when the warehouse first saw this version, UTC
--   as_of: the moment that these facts hold for, UTC
--   ending: the ending that the substatus names, also before its date: won,
--     lost, declined, expired or error; null if none

with versions as (

    select * from intermediate.own_deal_versions

), moments as (

    select * from intermediate.moments

)

select
    versions.deal_id,
    versions.engagement_id,
    versions.deal_name,
    versions.organization_id,
    versions.external_reference_id,
    versions.status,
    versions.substatus,
    versions.status_reason,
    versions.sharing,
    versions.qualification,
    versions.stated_direction,
    versions.sales_stage,
    versions.assistance_request_code,
    versions.is_shared_with_microsoft,
    versions.microsoft_msx_id,
    versions.invited_by_organization_id,
    versions.customer_name,
    versions.customer_org_size,
    versions.customer_market,
    versions.deal_value,
    versions.currency,
    versions.expected_close_at,
    versions.created_at,
    versions.accepted_at,
    versions.closed_at,
    versions.updated_at,
    versions.is_listed,
    versions.valid_from,
    moments.as_of,
    case lower(versions.substatus)
        when 'won' then 'won'
        when 'lost' then 'lost'
        when 'declined' then 'declined'
        when 'expired' then 'expired'
        when 'error' then 'error'
    end as ending
from versions
cross join moments
where
    (moments.known_at is null or versions.valid_from <= moments.known_at)
    and (versions.valid_to is null or versions.valid_to > moments.known_at)
