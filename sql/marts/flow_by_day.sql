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

with daily_flow as (

    select * from intermediate.daily_flow

)

select
    day,
    created_count,
    responded_count,
    accepted_count,
    won_count,
    lost_count,
    closed_count,
    open_at_start_count
from daily_flow
