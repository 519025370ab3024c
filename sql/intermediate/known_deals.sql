-- The version of each deal that answers: the current one, or the one that was
-- current at known_at. Dates are as Partner Center gave them, the ones after
-- as_of too.
-- Grain: one row per deal_id
-- Answers: what does the warehouse know of a deal?
-- Columns:
--   as_of: the moment that these facts hold for, UTC
--   ending: the ending that the substatus names, also before its date: won,
--     lost, declined, expired or error; null if none

with versions as (

    select * from intermediate.own_deal_versions

), moments as (

    select * from intermediate.moments

)

select
    versions.*,
    moments.as_of,
    case lower(versions.substatus)
        when 'won' then 'won'
        when 'lost' then 'lost'
        when 'declined' then 'declined'
        when 'expired' then 'expired'
        when 'error' then 'error'
    end as ending
from versions
cross join moments
where
    (moments.known_at is null or versions.valid_from <= moments.known_at)
    and (versions.valid_to is null or versions.valid_to > moments.known_at)
