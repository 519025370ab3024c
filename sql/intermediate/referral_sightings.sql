-- When the warehouse first saw a referral and saw it change, for the referrals
-- that have more than one version.
-- Grain: one row per referral_id
-- Answers: when was a referral first seen, and when did it last change?
-- Columns:
--   referral_id: Partner Center's identifier, an opaque text
--   first_seen_at: when its first version was seen, UTC
--   last_changed_at: when a version was last seen whose fields differ from the
--     one before, UTC; null if none did

with version_changes as (

    select * from intermediate.version_changes

)

select
    referral_id,
    min(valid_from) as first_seen_at,
    max(valid_from) filter (where field_changes <> '') as last_changed_at
from version_changes
group by referral_id
