-- Versions that the warehouse had observed by known_at, as they stood then.
-- Grain: one row per referral_id, valid_from
-- Answers: which versions may a report made at known_at look at?
-- Columns:
--   valid_to: when the next version took its place, UTC; null if it answers
--   as_of: the moment that these facts hold for, UTC
--   last_load_at: end of the newest succeeded load by then, UTC

with versions as (

    select * from staging.referral_versions

), moments as (

    select * from intermediate.moments

)

select
    versions.referral_id,
    versions.status,
    versions.customer_name,
    versions.customer_market,
    versions.customer_org_size,
    versions.partner_market,
    versions.created_at,
    versions.acknowledged_at,
    versions.accepted_at,
    versions.won_at,
    versions.lost_at,
    versions.declined_at,
    versions.expired_at,
    versions.missed_at,
    versions.skipped_at,
    versions.archived_at,
    versions.is_listed,
    versions.valid_from,
    -- What replaced it after known_at was not known yet.
    case
        when moments.known_at < versions.valid_to then null
        else versions.valid_to
    end as valid_to,
    moments.as_of,
    moments.last_load_at
from versions
cross join moments
where moments.known_at is null or versions.valid_from <= moments.known_at
