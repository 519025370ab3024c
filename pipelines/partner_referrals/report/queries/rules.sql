-- The limits for an answer, the shortest first; no more than fit into 30 bits.
-- Grain: one row per rule

with sla_rules as (

    select * from settings.sla_rules

), moment as (

    select * from temp.moment

)

select
    cast(
        row_number() over (order by sla_rules.limit_hours, sla_rules.rule) - 1
        as integer
    ) as place,
    sla_rules.rule,
    sla_rules.limit_hours,
    coalesce(sla_rules.applies_from <= moment.as_of, true)
    and coalesce(sla_rules.applies_to > moment.as_of, true) as is_current
from sla_rules
cross join moment
qualify place < 15
order by place
