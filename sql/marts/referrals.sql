-- Every referral with its milestones, its outcome and how long it took.
-- Grain: one row per referral_id
-- Answers: what became of a referral, and how long did each step take?
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
--   responded_at: first sign of the partner: acknowledged, accepted, declined,
--     skipped, won or lost, UTC
--   closed_at: the date of the outcome, UTC; null while open or if it has none
--   outcome: how it ended, archived if only filed, or error; null while open
--   furthest_stage: the last of created, responded, accepted, won that it
--     reached
--   is_open: whether it has no outcome
--   is_counted: false if it was closed as an error, so that it never was one
--   is_accepted_at_creation: whether it was accepted within 60 s of its
--     creation, as deals are that a partner enters itself
--   days_to_respond: days from created to responded; null if undated, or
--     negative by more than 60 s
--   days_to_accept: days from created to accepted; null if undated, or negative by more
--     than 60 s
--   days_to_close: days from created to closed; null if undated, or negative by more
--     than 60 s
--   first_seen_at: when the warehouse first saw it, UTC
--   last_changed_at: when its newest change of a field was seen, UTC; null if
--     none was
--   vanished_at: when it was seen to have left Partner Center's listing, UTC;
--     null while listed

with referrals as (

    select * from intermediate.referral_durations

), sightings as (

    select * from intermediate.referral_sightings

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
    referrals.responded_at,
    referrals.closed_at,
    referrals.outcome,
    referrals.furthest_stage,
    referrals.is_open,
    referrals.is_counted,
    referrals.is_accepted_at_creation,
    referrals.created_to_responded_days as days_to_respond,
    referrals.created_to_accepted_days as days_to_accept,
    referrals.created_to_closed_days as days_to_close,
    coalesce(sightings.first_seen_at, referrals.valid_from) as first_seen_at,
    sightings.last_changed_at,
    case
        when not referrals.is_listed then referrals.valid_from
    end as vanished_at
from referrals
left join sightings on referrals.referral_id = sightings.referral_id
