-- How far each referral came and how it ended, as of the moment asked about.
-- Grain: one row per referral_id
-- Answers: which stages did a referral reach, and what became of it?
-- Columns:
--   responded_at: first sign of the partner: acknowledged, accepted, declined,
--     skipped, won or lost, UTC
--   terminal_at: the earliest of its terminal dates, UTC; null if none
--   outcome: how it ended, archived if only filed, or error; null while open
--   closed_at: the date of the outcome, UTC; null while open or if it has none
--   undated_outcome: the outcome, where it has no date
--   has_responded: whether the partner responded, also at an unknown date
--   has_accepted: whether it reached acceptance, also at an unknown date
--   has_won: whether its outcome is won, also at an unknown date
--   is_responded_strictly: whether it has a created date and a response that is
--     not before it
--   is_accepted_in_order: whether it was accepted, not before the response
--   is_won_in_order: whether it was won, not before the acceptance
--   furthest_stage: the last of created, responded, accepted, won that it
--     reached
--   has_lost: whether its outcome is lost
--   is_open: whether it has no outcome
--   is_counted: false if it was closed as an error, so that it never was one
--   is_created_strictly: whether it has a created date
--   is_accepted_strictly: whether response and acceptance have dates in order
--   is_won_strictly: whether response, acceptance and win have dates in order
--   is_accepted_at_creation: whether it was accepted within 60 s of its
--     creation, as deals are that a partner enters itself

with referrals as (

    select * from intermediate.referral_milestones

), dated as (

    select
        *,
        -- least() passes over nulls here, in PostgreSQL and in Spark.
        least(
            acknowledged_at,
            accepted_at,
            declined_at,
            skipped_at,
            won_at,
            lost_at
        ) as responded_at,
        least(
            won_at, lost_at, declined_at, expired_at, missed_at, skipped_at
        ) as terminal_at
    from referrals

), closed as (

    select
        *,
        case
            when is_error then 'error'
            when terminal_status_at is not null then terminal_status
            when terminal_at = won_at then 'won'
            when terminal_at = lost_at then 'lost'
            when terminal_at = declined_at then 'declined'
            when terminal_at = expired_at then 'expired'
            when terminal_at = missed_at then 'missed'
            when terminal_at = skipped_at then 'skipped'
            when undated_since is not null then terminal_status
            when archived_at is not null then 'archived'
        end as outcome,
        case
            when not is_error
                then
                    coalesce(
                        terminal_status_at,
                        terminal_at,
                        case when undated_since is null then archived_at end
                    )
        end as closed_at,
        case
            when
                terminal_at is null
                and undated_since is not null
                and not is_error
                then terminal_status
        end as undated_outcome
    from dated

), reached as (

    select
        *,
        responded_at is not null
        or coalesce(
            undated_outcome in ('won', 'lost', 'declined', 'skipped'), false
        ) as has_responded,
        accepted_at is not null
        or won_at is not null
        or lost_at is not null
        or coalesce(undated_outcome in ('won', 'lost'), false) as has_accepted,
        coalesce(outcome = 'won', false) as has_won,
        -- Partner Center writes two dates of one act up to some hundred
        -- milliseconds apart, in either order.
        coalesce(
            responded_at >= created_at - interval 60 second, false
        ) as is_responded_strictly,
        coalesce(
            accepted_at >= responded_at - interval 60 second, false
        ) as is_accepted_in_order,
        coalesce(
            won_at >= accepted_at - interval 60 second and outcome = 'won',
            false
        ) as is_won_in_order
    from closed

)

select
    *,
    case
        when has_won then 'won'
        when has_accepted then 'accepted'
        when has_responded then 'responded'
        else 'created'
    end as furthest_stage,
    coalesce(outcome = 'lost', false) as has_lost,
    closed_at is null and undated_since is null and not is_error as is_open,
    not is_error as is_counted,
    created_at is not null as is_created_strictly,
    is_responded_strictly and is_accepted_in_order as is_accepted_strictly,
    is_responded_strictly
    and is_accepted_in_order
    and is_won_in_order as is_won_strictly,
    coalesce(
        accepted_at >= created_at - interval 60 second
        and accepted_at <= created_at + interval 60 second,
        false
    ) as is_accepted_at_creation
from reached
