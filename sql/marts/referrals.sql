-- Every referral with its milestones, its outcome and how long it took.
-- Grain: one row per referral_id
-- Answers: what became of a referral, and how long did each step take?
-- Columns:
--   days_to_respond: days from created to responded; null if undated, or
--     negative by more than 60 s
--   days_to_accept: days from created to accepted; null if undated, or
--     negative by more than 60 s
--   days_to_close: days from created to closed; null if undated, or negative by
--     more than 60 s
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
