-- Rules for how soon a referral must be responded to, shipped or your own.
-- Grain: one row per rule, applies_from
-- Answers: which limit applies to a referral that was created at a moment?
-- Columns:
--   rule: name of the rule
--   applies_from: first creation moment that it covers, UTC; null: any
--   applies_to: first creation moment that it no longer covers, UTC; null: none
--   limit_hours: hours from creation within which to respond

with sla_rules as (

    select * from settings.sla_rules

)

select
    rule,
    applies_from,
    applies_to,
    limit_hours
from sla_rules
