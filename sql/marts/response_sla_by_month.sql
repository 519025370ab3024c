-- How many referrals of each month were responded to in time, by rule.
-- Grain: one row per created_month, rule
-- Answers: do we keep our deadlines, and is it getting better?
-- Columns:
--   created_month: first day of the month of creation, UTC
--   rule: name of the rule in settings.sla_rules
--   met_count: referrals responded to in time
--   breached_count: referrals that broke the deadline
--   pending_count: referrals whose deadline is still running
--   compliance_rate: met over met and breached, 0 to 1; null if neither, and
--     until the month is final, since only the quick answers are in by then
--   is_ripe: whether the month is over and nothing in it is pending

with response_states as (

    select * from intermediate.response_states

), moments as (

    select * from intermediate.moments

), counted as (

    select
        cast(date_trunc('month', created_at) as date) as created_month,
        rule,
        count(*) filter (where state = 'met') as met_count,
        count(*) filter (where state = 'breached') as breached_count,
        count(*) filter (where state = 'pending') as pending_count
    from response_states
    group by created_month, rule

), judged as (

    select
        counted.*,
        counted.pending_count = 0
        and counted.created_month + interval 1 month <= moments.as_of as is_ripe
    from counted
    cross join moments

)

select
    created_month,
    rule,
    met_count,
    breached_count,
    pending_count,
    case
        when is_ripe then met_count / nullif(met_count + breached_count, 0)
    end as compliance_rate,
    is_ripe
from judged
