-- How often the expected close of a deal moved to a later day, from one
-- observed version to the next.
-- Grain: one row per deal_id
-- Answers: which deals keep being put off?
-- Columns:
--   closing_slips: how often its expected close was seen to move to a later day

with later as (

    select * from intermediate.own_deal_versions

), earlier as (

    select * from intermediate.own_deal_versions
    where valid_to is not null

), moments as (

    select * from intermediate.moments

)

select
    later.deal_id,
    count(*) as closing_slips
from later
-- One version gives way to the next at the same moment.
inner join earlier
    on
        later.deal_id = earlier.deal_id
        and later.valid_from = earlier.valid_to
cross join moments
where
    cast(later.expected_close_at as date)
    > cast(earlier.expected_close_at as date)
    and (moments.known_at is null or later.valid_from <= moments.known_at)
group by later.deal_id
