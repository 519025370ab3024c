-- What each version of a referral changed in the one whose place it took.
-- Grain: one row per referral_id, valid_from
-- Answers: which fields did Partner Center change, and when did we see it?
-- Columns:
--   field_changes: columns of marts.referrals that differ from the version
--     before, by comma; empty if none do
--   listing_change: is_listed if the referral left or rejoined the listing,
--     else empty
--   is_late_change: whether its status or a date but archived_at differs,
--     though the version before had ended

with later as (

    select * from intermediate.known_versions

), earlier as (

    -- Read apart from `later`: one table for both would be kept in memory.
    select * from intermediate.known_versions
    where replaced_at is not null

)

select
    later.referral_id,
    later.valid_from,
    concat_ws(
        ', ',
        case
            when later.status is distinct from earlier.status
                then 'status'
        end,
        case
            when later.customer_name is distinct from earlier.customer_name
                then 'customer_name'
        end,
        case
            when
                later.customer_market
                is distinct from earlier.customer_market
                then 'customer_market'
        end,
        case
            when
                later.customer_org_size
                is distinct from earlier.customer_org_size
                then 'customer_org_size'
        end,
        case
            when
                later.partner_market
                is distinct from earlier.partner_market
                then 'partner_market'
        end,
        case
            when later.created_at is distinct from earlier.created_at
                then 'created_at'
        end,
        case
            when
                later.acknowledged_at
                is distinct from earlier.acknowledged_at
                then 'acknowledged_at'
        end,
        case
            when later.accepted_at is distinct from earlier.accepted_at
                then 'accepted_at'
        end,
        case
            when later.won_at is distinct from earlier.won_at
                then 'won_at'
        end,
        case
            when later.lost_at is distinct from earlier.lost_at
                then 'lost_at'
        end,
        case
            when later.declined_at is distinct from earlier.declined_at
                then 'declined_at'
        end,
        case
            when later.expired_at is distinct from earlier.expired_at
                then 'expired_at'
        end,
        case
            when later.missed_at is distinct from earlier.missed_at
                then 'missed_at'
        end,
        case
            when later.skipped_at is distinct from earlier.skipped_at
                then 'skipped_at'
        end,
        case
            when later.archived_at is distinct from earlier.archived_at
                then 'archived_at'
        end
    ) as field_changes,
    case
        when later.is_listed is distinct from earlier.is_listed
            then 'is_listed'
        else ''
    end as listing_change,
    (
        coalesce(
            lower(earlier.status) in (
                'won', 'lost', 'declined', 'expired', 'missed', 'skipped'
            ),
            false
        )
        or coalesce(
            earlier.won_at,
            earlier.lost_at,
            earlier.declined_at,
            earlier.expired_at,
            earlier.missed_at,
            earlier.skipped_at
        ) is not null
    )
    and (
        -- Filing is what comes after an ending; it is no late change.
        (
            later.status is distinct from earlier.status
            and coalesce(lower(later.status), '') <> 'archived'
        )
        or later.created_at is distinct from earlier.created_at
        or later.acknowledged_at is distinct from earlier.acknowledged_at
        or later.accepted_at is distinct from earlier.accepted_at
        or later.won_at is distinct from earlier.won_at
        or later.lost_at is distinct from earlier.lost_at
        or later.declined_at is distinct from earlier.declined_at
        or later.expired_at is distinct from earlier.expired_at
        or later.missed_at is distinct from earlier.missed_at
        or later.skipped_at is distinct from earlier.skipped_at
    ) as is_late_change
from later
-- One version gives way to the next at the same moment.
inner join earlier
    on
        later.referral_id = earlier.referral_id
        and later.valid_from = earlier.replaced_at
