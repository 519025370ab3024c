-- The days of the conversion curve. A port to another engine replaces it.
-- Grain: one row per day
-- Answers: at which ages is the curve read?
-- Columns:
--   day: days since creation, 0 to 365

select cast(unnest(generate_series(0, 365)) as integer) as day
