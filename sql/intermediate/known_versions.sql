-- Versions that the warehouse had observed by known_at, as they stood then.
-- Grain: one row per referral_id, valid_from
-- Answers: which versions may a report made at known_at look at?
-- Columns:
--   as_of: the moment that these facts hold for, UTC
--   last_load_at: end of the newest succeeded load by then, UTC
--   replaced_at: when the next version took its place, UTC; null if it answers

with versions as (

    select * from intermediate.funnel_versions

), moments as (

    select * from intermediate.moments

)

select
    versions.*,
    moments.as_of,
    moments.last_load_at,
    -- What replaced it after known_at was not known yet.
    case
        when moments.known_at is null or versions.valid_to <= moments.known_at
            then versions.valid_to
    end as replaced_at
from versions
cross join moments
where moments.known_at is null or versions.valid_from <= moments.known_at
