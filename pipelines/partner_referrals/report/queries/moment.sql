-- The moment that every mart answers for; null before the first load.
-- Grain: one row

select as_of from intermediate.moments
