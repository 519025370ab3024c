-- The organization of the account: the one that owns most deals. Microsoft's
-- rows of co-sold deals do not count, nor does an empty text.
-- Grain: one row
-- Answers: which rows of a deal are ours, and which are our partners'?
-- Columns:
--   organization_id: the account's organization; null before any deal

with versions as (

    select * from staging.deal_versions

), moments as (

    select * from intermediate.moments

), owners as (

    select
        versions.organization_id,
        row_number() over (
            order by count(*) desc, versions.organization_id
        ) as place
    from versions
    cross join moments
    where
        lower(trim(versions.organization_id)) not in ('msft', '')
        and (
            moments.known_at is null
            or versions.valid_from <= moments.known_at
        )
        and (
            versions.valid_to is null or versions.valid_to > moments.known_at
        )
    group by versions.organization_id

)

select max(organization_id) filter (where place = 1) as organization_id
from owners
