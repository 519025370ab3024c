-- What was open at each moment of a forecast, counted by its state, and what
-- became of it.
-- Grain: one row per source, made_at, state, next_state
-- Answers: where did the open items of a day stand, and how many were won?
-- Columns:
--   source: where they come from: referrals, or engagements
--   state: their state at that moment, as in forecast_items
--   next_state: their state 30 days later
--   open_count: items
--   won_30_count: items won within 30 days after made_at
--   won_90_count: items won within 90 days
--   won_180_count: items won within 180 days
--   valued_count: items whose value is known
--   value_usd: sum of these values in US dollars
--   squared_value_usd: sum of the squares of these values
--   won_30_value_usd: value of what was won within 30 days
--   won_90_value_usd: value of what was won within 90 days
--   won_180_value_usd: value of what was won within 180 days

with items as (

    select * from intermediate.forecast_items

)

select
    source,
    made_at,
    state,
    next_state,
    count(*) as open_count,
    count(*) filter (where is_won_in_30) as won_30_count,
    count(*) filter (where is_won_in_90) as won_90_count,
    count(*) filter (where is_won_in_180) as won_180_count,
    count(value_usd) as valued_count,
    sum(value_usd) as value_usd,
    sum(value_usd * value_usd) as squared_value_usd,
    sum(closed_value_usd) filter (where is_won_in_30) as won_30_value_usd,
    sum(closed_value_usd) filter (where is_won_in_90) as won_90_value_usd,
    sum(closed_value_usd) filter (where is_won_in_180) as won_180_value_usd
from items
group by source, made_at, state, next_state
