-- What Partner Center said about each referral, version by version, and what
-- changed. Follows known_at, never as_of.
-- Grain: one row per referral_id, valid_from
-- Answers: what did Partner Center say when, and what did it change later?
-- Columns:
--   valid_to: when the next version took its place, UTC; null while none has
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
    versions.replaced_at as valid_to,
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
