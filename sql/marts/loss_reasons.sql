-- Why deals ended without a win.
-- Grain: one row per outcome, status_reason
-- Answers: why do we lose deals, and what did they cost us?
-- Columns:
--   outcome: lost, declined or expired
--   status_reason: the reason as Partner Center has it; null where none was
--     given
--   deal_count: deals
--   value_usd: sum of their values, in US dollars; null where no value
--     could be converted
--   share: of the deals with that outcome, 0 to 1
--   converted_count: of these, the ones whose value could be converted to US
--     dollars

with deals as (

    select * from intermediate.valued_deals
    where outcome in ('lost', 'declined', 'expired')

), counted as (

    select
        outcome,
        status_reason,
        count(*) as deal_count,
        sum(deal_value_usd) as value_usd,
        count(deal_value_usd) as converted_count
    from deals
    group by outcome, status_reason

)

select
    outcome,
    status_reason,
    deal_count,
    value_usd,
    deal_count / sum(deal_count) over (partition by outcome) as share,
    converted_count
from counted
