-- Referrals that came and went on each day, without gaps, from the first
-- milestone that is not before 1990. Left out are referrals without a created
-- date.
-- Grain: one row per day
-- Answers: do we close referrals as fast as they come in?
-- Columns:
--   day: calendar day, UTC
--   created_count: referrals created on the day
--   responded_count: referrals first responded to on the day
--   accepted_count: referrals accepted on the day
--   won_count: referrals won on the day
--   lost_count: referrals lost on the day
--   closed_count: referrals closed on the day, in any way; a closing before
--     creation counts on the day of creation, and so does one without a date
--   open_at_start_count: referrals created before the day and not closed before
--     it
--   first_at: the first milestone, UTC; the same in every row

with event_days as (

    select * from intermediate.event_days

), moments as (

    select * from intermediate.moments

), bounds as (

    select
        min(event_days.first_at) as first_at,
        max(moments.as_of) as as_of
    from event_days
    cross join moments

), days as (

    select
        unnest(
            generate_series(
                cast(first_at as date), cast(as_of as date), interval 1 day
            )
        ) as day,
        first_at
    from bounds
    -- Spark refuses a series that ends before it begins.
    where first_at <= as_of

), calendar as (

    select
        cast(day as date) as day,
        first_at
    from days
    union all
    -- What is dated before 1990 is open, or not, when the calendar begins.
    select
        date '1989-12-31' as day,
        null as first_at

), counted as (

    select
        calendar.day,
        calendar.first_at,
        cast(
            sum(case when event = 'created' then referral_count else 0 end)
            as bigint
        ) as created_count,
        cast(
            sum(case when event = 'responded' then referral_count else 0 end)
            as bigint
        ) as responded_count,
        cast(
            sum(case when event = 'accepted' then referral_count else 0 end)
            as bigint
        ) as accepted_count,
        cast(
            sum(case when event = 'won' then referral_count else 0 end)
            as bigint
        ) as won_count,
        cast(
            sum(case when event = 'lost' then referral_count else 0 end)
            as bigint
        ) as lost_count,
        cast(
            sum(case when event = 'closed' then referral_count else 0 end)
            as bigint
        ) as closed_count
    from calendar
    left join event_days on calendar.day = event_days.day
    group by calendar.day, calendar.first_at

), summed as (

    select
        *,
        cast(
            coalesce(sum(created_count - closed_count) over earlier, 0)
            as bigint
        ) as open_at_start_count
    from counted
    window earlier as (
        order by day
        rows between unbounded preceding and 1 preceding
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
    open_at_start_count,
    first_at
from summed
where first_at is not null
