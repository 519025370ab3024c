-- The moments that every other view answers by.
-- Grain: one row
-- Answers: as of when do the figures hold, and what did we know by then?
-- Columns:
--   as_of: later milestones have not happened yet, UTC; null before any load
--   known_at: later versions are not known yet, UTC; null: all are known
--   last_load_at: end of the newest succeeded load not after known_at, UTC

with asked as (

    select * from intermediate.asked_moments

), loads as (

    select * from staging.load_runs

)

-- Aggregates without a group: always one row, also before the first load.
select
    coalesce(max(asked.as_of), max(loads.finished_at)) as as_of,
    max(asked.known_at) as known_at,
    max(loads.finished_at) as last_load_at
from asked
left join loads
    on
        loads.is_succeeded
        and (asked.known_at is null or loads.finished_at <= asked.known_at)
