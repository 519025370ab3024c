-- How many referrals had each event on each day. Left out are referrals without
-- a created date. All days before 1990 are one, 1989-12-31: such dates are
-- mistakes, and must not make the calendar begin centuries ago.
-- Grain: one row per event, day
-- Answers: what happened on a day?
-- Columns:
--   event: created, responded, accepted, won, lost or closed
--   day: calendar day, UTC; a closing before creation counts on the day of
--     creation, and so does one without a date
--   referral_count: referrals that had the event on that day
--   first_at: earliest milestone of these referrals from 1990 on, UTC

with referrals as (

    select
        *,
        timestamp '1990-01-01' as calendar_from
    from intermediate.referral_outcomes
    where is_counted and created_at is not null

), days as (

    select
        cast(created_at as date) as created_day,
        cast(responded_at as date) as responded_day,
        cast(accepted_at as date) as accepted_day,
        cast(won_at as date) as won_day,
        cast(lost_at as date) as lost_day,
        case
            when closed_at is not null
                then cast(greatest(closed_at, created_at) as date)
            when not is_open then cast(created_at as date)
        end as closed_day,
        least(
            case when created_at >= calendar_from then created_at end,
            case when acknowledged_at >= calendar_from then acknowledged_at end,
            case when accepted_at >= calendar_from then accepted_at end,
            case when won_at >= calendar_from then won_at end,
            case when lost_at >= calendar_from then lost_at end,
            case when declined_at >= calendar_from then declined_at end,
            case when expired_at >= calendar_from then expired_at end,
            case when missed_at >= calendar_from then missed_at end,
            case when skipped_at >= calendar_from then skipped_at end,
            case when archived_at >= calendar_from then archived_at end
        ) as first_at
    from referrals

), counted as (

    -- One pass over the referrals; each grouping set has one day, others null.
    select
        case
            when grouping(created_day) = 0 then 'created'
            when grouping(responded_day) = 0 then 'responded'
            when grouping(accepted_day) = 0 then 'accepted'
            when grouping(won_day) = 0 then 'won'
            when grouping(lost_day) = 0 then 'lost'
            else 'closed'
        end as event,
        coalesce(
            created_day,
            responded_day,
            accepted_day,
            won_day,
            lost_day,
            closed_day
        ) as day,
        count(*) as referral_count,
        min(first_at) as first_at
    from days
    group by
        grouping sets (
            (created_day),
            (responded_day),
            (accepted_day),
            (won_day),
            (lost_day),
            (closed_day)
        )

)

select
    event,
    greatest(day, date '1989-12-31') as day,
    cast(sum(referral_count) as bigint) as referral_count,
    min(first_at) as first_at
from counted
where day is not null
group by event, greatest(day, date '1989-12-31')
