-- How many referrals met each event on each day. Left out are referrals without
-- a creation date, and those closed at an unknown date.
-- Grain: one row per event, day
-- Answers: what happened on a day?
-- Columns:
--   event: created, responded, accepted, won, lost, closed, or first: the first
--     milestone of a referral
--   day: calendar day, UTC; a closing before creation counts on the day of
--     creation
--   referral_count: referrals that met it on that day

with referrals as (

    select * from intermediate.referral_outcomes
    where is_counted

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
            -- Closed at an unknown date: it departs on the day it came.
            when not is_open then cast(created_at as date)
        end as closed_day,
        cast(
            least(
                created_at,
                acknowledged_at,
                accepted_at,
                won_at,
                lost_at,
                declined_at,
                expired_at,
                missed_at,
                skipped_at,
                archived_at
            ) as date
        ) as first_day
    from referrals
    where created_at is not null

), counted as (

    -- One pass over the referrals; each grouping set has one day, others null.
    select
        case
            when grouping(created_day) = 0 then 'created'
            when grouping(responded_day) = 0 then 'responded'
            when grouping(accepted_day) = 0 then 'accepted'
            when grouping(won_day) = 0 then 'won'
            when grouping(lost_day) = 0 then 'lost'
            when grouping(closed_day) = 0 then 'closed'
            else 'first'
        end as event,
        coalesce(
            created_day,
            responded_day,
            accepted_day,
            won_day,
            lost_day,
            closed_day,
            first_day
        ) as day,
        count(*) as referral_count
    from days
    group by
        grouping sets (
            (created_day),
            (responded_day),
            (accepted_day),
            (won_day),
            (lost_day),
            (closed_day),
            (first_day)
        )

)

select
    event,
    day,
    referral_count
from counted
where day is not null
