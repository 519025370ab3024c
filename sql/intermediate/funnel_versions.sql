-- Every observed version of what the funnel counts: referrals, or the account's
-- own deals in the words of referrals.
-- Grain: one row per referral_id, valid_from
-- Answers: what did Partner Center say about a referral, whichever resource it
-- is from?
-- Columns:
--   referral_id: Partner Center's identifier, an opaque text
--   status: the status as Partner Center spelt it; of a deal the substatus,
--     where Pending and Received are New
--   customer_name: the customer's company
--   customer_market: the customer's country or region
--   customer_org_size: the customer's size, on one of two scales
--   partner_market: the country or region of the partner who got it; null for
--     deals
--   created_at: when the referral was created, UTC
--   acknowledged_at: when the partner acknowledged it, UTC
--   accepted_at: when the partner accepted it, UTC
--   won_at: when the deal was won, UTC
--   lost_at: when the deal was lost, UTC
--   declined_at: when the partner declined it, UTC
--   expired_at: when it expired for want of an acceptance, UTC
--   missed_at: when it was missed for want of an acknowledgement, UTC
--   skipped_at: when the partner skipped it, UTC
--   archived_at: when it was filed away, UTC
--   is_listed: false once Partner Center no longer listed the referral
--   valid_from: when the warehouse first saw this version, UTC
--   valid_to: when the next version took its place, UTC; null while current

with source as (

    select * from intermediate.funnel_source

), referrals as (

    select * from staging.referral_versions

), deals as (

    select * from intermediate.own_deal_versions

)

select
    referrals.referral_id,
    referrals.status,
    referrals.customer_name,
    referrals.customer_market,
    referrals.customer_org_size,
    referrals.partner_market,
    referrals.created_at,
    referrals.acknowledged_at,
    referrals.accepted_at,
    referrals.won_at,
    referrals.lost_at,
    referrals.declined_at,
    referrals.expired_at,
    referrals.missed_at,
    referrals.skipped_at,
    referrals.archived_at,
    referrals.is_listed,
    referrals.valid_from,
    referrals.valid_to
from referrals
inner join source on source.source = 'referrals'
union all
select
    deals.deal_id as referral_id,
    case
        when lower(deals.substatus) in ('pending', 'received') then 'New'
        else coalesce(nullif(deals.substatus, ''), deals.status)
    end as status,
    deals.customer_name,
    deals.customer_market,
    deals.customer_org_size,
    cast(null as varchar) as partner_market,
    deals.created_at,
    cast(null as timestamp) as acknowledged_at,
    deals.accepted_at,
    case
        when lower(deals.substatus) = 'won' then deals.closed_at
    end as won_at,
    case
        when lower(deals.substatus) = 'lost' then deals.closed_at
    end as lost_at,
    case
        when lower(deals.substatus) = 'declined' then deals.closed_at
    end as declined_at,
    case
        when lower(deals.substatus) = 'expired' then deals.closed_at
    end as expired_at,
    cast(null as timestamp) as missed_at,
    cast(null as timestamp) as skipped_at,
    cast(null as timestamp) as archived_at,
    deals.is_listed,
    deals.valid_from,
    deals.valid_to
from deals
inner join source on source.source = 'engagements'
