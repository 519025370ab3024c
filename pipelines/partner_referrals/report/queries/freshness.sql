-- How new the figures are, and what they were compared with.
-- Grain: one row

select * from marts.freshness
