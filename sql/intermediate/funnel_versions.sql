-- Every observed version of what the funnel counts: referrals, or the account's
-- own deals in the words of referrals.
-- Grain: one row per referral_id, valid_from
-- Answers: what did Partner Center say about a referral, whichever resource it
-- is from?
-- Columns:
--   status: the status as Partner Center spelt it; of a deal the substatus,
--     where Pending and Received are New
--   customer_market: the customer's country or region
--   partner_market: the country or region of the partner who got it; null for
--     deals
--   created_at: when the referral was created, UTC
--   accepted_at: when the partner accepted it, UTC
--   is_listed: false once Partner Center no longer listed the referral

with source as (

    select * from intermediate.funnel_source

), referrals as (

    select * from staging.referral_versions

), deals as (

    select * from intermediate.own_deal_versions

), deals_as_referrals as (

    -- The columns stand in the order of the referrals'.
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

), runs as (

    -- A deal has versions that differ only in what referrals do not have: within
    -- an unbroken run of these both numbers grow alike.
    select
        *,
        row_number() over (partition by referral_id order by valid_from)
        - row_number() over (
            partition by
                referral_id, status, customer_name, customer_market,
                customer_org_size, created_at, accepted_at, won_at, lost_at,
                declined_at, expired_at, is_listed
            order by valid_from
        ) as run
    from deals_as_referrals

)

select referrals.*
from referrals
inner join source on source.source = 'referrals'
union all
select
    referral_id,
    status,
    customer_name,
    customer_market,
    customer_org_size,
    partner_market,
    created_at,
    acknowledged_at,
    accepted_at,
    won_at,
    lost_at,
    declined_at,
    expired_at,
    missed_at,
    skipped_at,
    archived_at,
    is_listed,
    min(valid_from) as valid_from,
    case when count(valid_to) = count(*) then max(valid_to) end as valid_to
from runs
group by
    referral_id, status, customer_name, customer_market, customer_org_size,
    partner_market, created_at, acknowledged_at, accepted_at, won_at, lost_at,
    declined_at, expired_at, missed_at, skipped_at, archived_at, is_listed, run
