-- Deals whose substatus names an ending without a date, and since when the
-- warehouse has known it.
-- Grain: one row per deal_id
-- Answers: from which moment on does such a deal count as closed?
-- Columns:
--   known_since: start of the unbroken run of versions with that ending, UTC

with versions as (

    select * from intermediate.own_deal_versions

), deals as (

    select * from intermediate.known_deals
    where ending is not null and closed_at is null

), runs as (

    select
        deals.deal_id,
        versions.valid_from,
        max(
            case
                when lower(versions.substatus) is distinct from deals.ending
                    then versions.valid_from
            end
        ) over (partition by deals.deal_id) as last_other_from
    from deals
    inner join versions
        on
            deals.deal_id = versions.deal_id
            and deals.valid_from >= versions.valid_from

)

select
    deal_id,
    min(valid_from) as known_since
from runs
where last_other_from is null or valid_from > last_other_from
group by deal_id
