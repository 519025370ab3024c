-- Every version of every referral that the warehouse has observed, in the
-- words of the business; nothing is left out and nothing is decided here.
-- Grain: one row per referral_id, valid_from
-- Answers: what did Partner Center say about a referral, and when did it?
-- Columns:
--   referral_id: Partner Center's identifier, an opaque text
--   status: the status as Partner Center spelt it
--   customer_name: the customer's company
--   customer_market: the customer's country or region
--   customer_org_size: the customer's size, on one of two scales
--   partner_market: the country or region of the partner who got it
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
--   valid_to: when the next version took its place, UTC; null while current

with referrals as (

    select * from partner_center.referrals

)

select
    id as referral_id,
    status,
    customer_name,
    customer_market,
    customer_org_size,
    partner_market,
    created_date as created_at,
    acknowledged_date as acknowledged_at,
    accepted_date as accepted_at,
    won_date as won_at,
    lost_date as lost_at,
    declined_date as declined_at,
    expired_date as expired_at,
    missed_date as missed_at,
    skipped_date as skipped_at,
    archived_date as archived_at,
    is_listed,
    valid_from,
    valid_to
from referrals
