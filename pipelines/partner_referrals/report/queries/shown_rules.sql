-- The limits for a response that apply to a referral created now.
-- Grain: one row per rule

with sla_rules as (

    select * from settings.sla_rules

), moment as (

    select * from temp.shown_moment

)

select
    sla_rules.rule,
    sla_rules.limit_hours
from sla_rules
cross join moment
where
    coalesce(sla_rules.applies_from <= moment.as_of, true)
    and coalesce(sla_rules.applies_to > moment.as_of, true)
