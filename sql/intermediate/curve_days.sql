-- The days of the conversion curve.
-- Grain: one row per day
-- Answers: at which ages is the curve read?
-- Columns:
--   day: days since creation, 0 to 365

with days as (

    select unnest(generate_series(0, 365)) as day

)

select cast(day as integer) as day
from days
