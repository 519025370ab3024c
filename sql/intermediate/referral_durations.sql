-- How long each referral took between its dates, to the microsecond. Up to 60 s
-- in the wrong order are no time; where it is more, there is no duration.
-- Grain: one row per referral_id
-- Answers: how many days lie between two dates of a referral?
-- Columns:
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

)

select
    *,
    case
        when acknowledged_at >= created_at - interval 60 second
            then date_diff(
                'microsecond', created_at, greatest(acknowledged_at, created_at)
            )
            / 86400000000
    end as created_to_acknowledged_days,
    case
        when responded_at >= created_at - interval 60 second
            then date_diff(
                'microsecond', created_at, greatest(responded_at, created_at)
            )
            / 86400000000
    end as created_to_responded_days,
    case
        when accepted_at >= created_at - interval 60 second
            then date_diff(
                'microsecond', created_at, greatest(accepted_at, created_at)
            )
            / 86400000000
    end as created_to_accepted_days,
    case
        when accepted_at >= acknowledged_at - interval 60 second
            then date_diff(
                'microsecond',
                acknowledged_at,
                greatest(accepted_at, acknowledged_at)
            )
            / 86400000000
    end as acknowledged_to_accepted_days,
    case
        when won_at >= accepted_at - interval 60 second
            then date_diff(
                'microsecond', accepted_at, greatest(won_at, accepted_at)
            )
            / 86400000000
    end as accepted_to_won_days,
    case
        when lost_at >= accepted_at - interval 60 second
            then date_diff(
                'microsecond', accepted_at, greatest(lost_at, accepted_at)
            )
            / 86400000000
    end as accepted_to_lost_days,
    case
        when won_at >= created_at - interval 60 second
            then date_diff(
                'microsecond', created_at, greatest(won_at, created_at)
            )
            / 86400000000
    end as created_to_won_days,
    case
        when declined_at >= created_at - interval 60 second
            then date_diff(
                'microsecond', created_at, greatest(declined_at, created_at)
            )
            / 86400000000
    end as created_to_declined_days,
    case
        when expired_at >= created_at - interval 60 second
            then date_diff(
                'microsecond', created_at, greatest(expired_at, created_at)
            )
            / 86400000000
    end as created_to_expired_days,
    case
        when closed_at >= created_at - interval 60 second
            then date_diff(
                'microsecond', created_at, greatest(closed_at, created_at)
            )
            / 86400000000
    end as created_to_closed_days,
    date_diff('microsecond', created_at, as_of)
    / 86400000000 as created_to_as_of_days
from referrals
