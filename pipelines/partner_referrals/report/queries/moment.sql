-- The moment that every mart answers for; null before the first load.
-- Grain: one row

with freshness as (

    select * from marts.freshness

)

select
    coalesce(
        cast(getvariable('as_of') as timestamp), freshness.last_load_at
    ) as as_of
from freshness
