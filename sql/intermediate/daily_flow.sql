-- What came in and went out on each day, without gaps. Left out are referrals
-- without a creation date, and those closed at an unknown date.
-- Grain: one row per day
-- Answers: do we close referrals as fast as they come in?
-- Columns:
--   day: calendar day, UTC
--   created_count: referrals created on the day
--   responded_count: referrals first responded to on the day
--   accepted_count: referrals accepted on the day
--   won_count: referrals won on the day
--   lost_count: referrals lost on the day
--   closed_count: referrals closed, in whichever way on the day; a closing
--     before creation counts on the day of creation
--   open_at_start_count: referrals created before the day and not closed before
--     it

with event_days as (

    select * from intermediate.event_days

), calendar as (

    select * from intermediate.calendar

), counted as (

    select
        calendar.day,
        cast(
            coalesce(
                sum(event_days.referral_count) filter (
                    where event_days.event = 'created'
                ),
                0
            ) as bigint
        ) as created_count,
        cast(
            coalesce(
                sum(event_days.referral_count) filter (
                    where event_days.event = 'responded'
                ),
                0
            ) as bigint
        ) as responded_count,
        cast(
            coalesce(
                sum(event_days.referral_count) filter (
                    where event_days.event = 'accepted'
                ),
                0
            ) as bigint
        ) as accepted_count,
        cast(
            coalesce(
                sum(event_days.referral_count) filter (
                    where event_days.event = 'won'
                ),
                0
            ) as bigint
        ) as won_count,
        cast(
            coalesce(
                sum(event_days.referral_count) filter (
                    where event_days.event = 'lost'
                ),
                0
            ) as bigint
        ) as lost_count,
        cast(
            coalesce(
                sum(event_days.referral_count) filter (
                    where event_days.event = 'closed'
                ),
                0
            ) as bigint
        ) as closed_count,
        count(event_days.day) as event_count
    from calendar
    left join event_days on calendar.day = event_days.day
    group by calendar.day

), summed as (

    select
        *,
        sum(event_count) over past as past_event_count,
        sum(created_count - closed_count) over past as open_at_end_count
    from counted
    window past as (
        order by day
        rows between unbounded preceding and current row
    )

)

select
    day,
    created_count,
    responded_count,
    accepted_count,
    won_count,
    lost_count,
    closed_count,
    cast(
        open_at_end_count - created_count + closed_count as bigint
    ) as open_at_start_count
from summed
where past_event_count > 0
