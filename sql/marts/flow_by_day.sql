-- What came in and went out on each day, without gaps. Left out are referrals
-- without a creation date.
-- Grain: one row per day
-- Answers: do we close referrals as fast as they come in?

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
