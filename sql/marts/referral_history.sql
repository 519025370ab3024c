-- What Partner Center said about each referral, version by version, and what
-- changed. Follows known_at, never as_of.
-- Grain: one row per referral_id, valid_from
-- Answers: who said what and when, and which past was rewritten?
-- Columns:
--   referral_id: Partner Center's identifier, an opaque text
--   valid_from: when the warehouse first saw this version, UTC
--   valid_to: when the next version took its place, UTC; null while none has
--   status: the status as Partner Center spelt it
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
--   changed_fields: columns of marts.referrals that differ from the version
--     before, by comma, and is_listed if it left or rejoined the listing; null
--     for the first version

with versions as (

    select * from intermediate.known_versions

), version_changes as (

    select * from intermediate.version_changes

)

select
    versions.referral_id,
    versions.valid_from,
    versions.valid_to,
    versions.status,
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
    nullif(
        concat_ws(
            ', ',
            nullif(version_changes.field_changes, ''),
            nullif(version_changes.listing_change, '')
        ),
        ''
    ) as changed_fields
from versions
left join version_changes
    on
        versions.referral_id = version_changes.referral_id
        and versions.valid_from = version_changes.valid_from
