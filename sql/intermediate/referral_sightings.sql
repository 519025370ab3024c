-- When the warehouse first saw a referral and saw it change, for the referrals
-- that have more than one version.
-- Grain: one row per referral_id
-- Answers: when was a referral first seen, and when did it last change?
-- Columns:
--   first_seen_at: when its first version was seen, UTC
--   last_changed_at: when a version was last seen whose fields differ from the
--     one before, UTC; null if none did

with versions as (

    select * from intermediate.known_versions
    where replaced_at is not null

), version_changes as (

    select * from intermediate.version_changes

), first_versions as (

    select
        referral_id,
        min(valid_from) as first_seen_at
    from versions
    group by referral_id

), last_changes as (

    select
        referral_id,
        max(valid_from) as last_changed_at
    from version_changes
    where field_changes <> ''
    group by referral_id

)

select
    first_versions.referral_id,
    first_versions.first_seen_at,
    last_changes.last_changed_at
from first_versions
left join last_changes on first_versions.referral_id = last_changes.referral_id
