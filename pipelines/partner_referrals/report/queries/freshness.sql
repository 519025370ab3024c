-- Whether the figures can be trusted: how new they are, and what they were
-- compared with.
-- Grain: one row

with freshness as (

    select * from marts.freshness

)

select * from freshness
