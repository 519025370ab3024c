-- How long each referral took between its milestones, to the microsecond.
-- Grain: one row per referral_id
-- Answers: how many days lie between two dates of a referral?
-- Columns:
--   has_won: whether it was won, also at an unknown date
--   created_to_acknowledged_days: days from created to acknowledged; null if
--     either is undated or the order is reversed
--   created_to_responded_days: days from created to responded; null if either
--     is undated or the order is reversed
--   created_to_accepted_days: days from created to accepted; null if either is
--     undated or the order is reversed
--   acknowledged_to_accepted_days: days from acknowledged to accepted; null if
--     either is undated or the order is reversed
--   accepted_to_won_days: days from accepted to won; null if either is undated
--     or the order is reversed
--   accepted_to_lost_days: days from accepted to lost; null if either is
--     undated or the order is reversed
--   created_to_won_days: days from created to won; null if either is undated or
--     the order is reversed
--   created_to_declined_days: days from created to declined; null if either is
--     undated or the order is reversed
--   created_to_expired_days: days from created to expired; null if either is
--     undated or the order is reversed
--   created_to_closed_days: days from created to closed; null if either is
--     undated or the order is reversed
--   created_to_as_of_days: days from created to as_of; null if created is
--     undated

with referrals as (

    select * from intermediate.referral_outcomes

), measured as (

    select
        *,
        date_diff('microsecond', created_at, acknowledged_at)
        / 86400000000 as created_to_acknowledged_days,
        date_diff('microsecond', created_at, responded_at)
        / 86400000000 as created_to_responded_days,
        date_diff('microsecond', created_at, accepted_at)
        / 86400000000 as created_to_accepted_days,
        date_diff('microsecond', acknowledged_at, accepted_at)
        / 86400000000 as acknowledged_to_accepted_days,
        date_diff('microsecond', accepted_at, won_at)
        / 86400000000 as accepted_to_won_days,
        date_diff('microsecond', accepted_at, lost_at)
        / 86400000000 as accepted_to_lost_days,
        date_diff('microsecond', created_at, won_at)
        / 86400000000 as created_to_won_days,
        date_diff('microsecond', created_at, declined_at)
        / 86400000000 as created_to_declined_days,
        date_diff('microsecond', created_at, expired_at)
        / 86400000000 as created_to_expired_days,
        date_diff('microsecond', created_at, closed_at)
        / 86400000000 as created_to_closed_days,
        date_diff('microsecond', created_at, as_of)
        / 86400000000 as created_to_as_of_days
    from referrals

)

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
    responded_at,
    closed_at,
    outcome,
    furthest_stage,
    has_responded,
    has_accepted,
    has_won,
    has_lost,
    is_open,
    is_counted,
    is_created_strictly,
    is_responded_strictly,
    is_accepted_strictly,
    is_won_strictly,
    is_accepted_at_creation,
    is_listed,
    valid_from,
    as_of,
    case
        when created_to_acknowledged_days >= cast(-60 as double) / 86400
            then greatest(created_to_acknowledged_days, 0)
    end as created_to_acknowledged_days,
    case
        when created_to_responded_days >= cast(-60 as double) / 86400
            then greatest(created_to_responded_days, 0)
    end as created_to_responded_days,
    case
        when created_to_accepted_days >= cast(-60 as double) / 86400
            then greatest(created_to_accepted_days, 0)
    end as created_to_accepted_days,
    case
        when acknowledged_to_accepted_days >= cast(-60 as double) / 86400
            then greatest(acknowledged_to_accepted_days, 0)
    end as acknowledged_to_accepted_days,
    case
        when accepted_to_won_days >= cast(-60 as double) / 86400
            then greatest(accepted_to_won_days, 0)
    end as accepted_to_won_days,
    case
        when accepted_to_lost_days >= cast(-60 as double) / 86400
            then greatest(accepted_to_lost_days, 0)
    end as accepted_to_lost_days,
    case
        when created_to_won_days >= cast(-60 as double) / 86400
            then greatest(created_to_won_days, 0)
    end as created_to_won_days,
    case
        when created_to_declined_days >= cast(-60 as double) / 86400
            then greatest(created_to_declined_days, 0)
    end as created_to_declined_days,
    case
        when created_to_expired_days >= cast(-60 as double) / 86400
            then greatest(created_to_expired_days, 0)
    end as created_to_expired_days,
    case
        when created_to_closed_days >= cast(-60 as double) / 86400
            then greatest(created_to_closed_days, 0)
    end as created_to_closed_days,
    created_to_as_of_days
from measured
