-- How many referrals of each month were responded to in time, by rule.
-- Grain: one row per created_month, rule
-- Answers: do we keep our deadlines, and is it getting better?
-- Columns:
--   created_month: first day of the month of creation, UTC
--   rule: name of the rule in settings.sla_rules
--   met_count: referrals responded to in time
--   breached_count: referrals that broke the deadline
--   pending_count: referrals whose deadline is still running
--   compliance_rate: met over met and breached, 0 to 1; null if neither

with response_states as (

    select * from intermediate.response_states

), counted as (

    select
        cast(date_trunc('month', created_at) as date) as created_month,
        rule,
        count(*) filter (where state = 'met') as met_count,
        count(*) filter (where state = 'breached') as breached_count,
        count(*) filter (where state = 'pending') as pending_count
    from response_states
    group by created_month, rule

)

select
    created_month,
    rule,
    met_count,
    breached_count,
    pending_count,
    met_count / nullif(met_count + breached_count, 0) as compliance_rate
from counted
