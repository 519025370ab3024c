-- Open deals and what they are worth, by stage.
-- Grain: one row per segment, segment_value, current_stage
-- Answers: what is open, how old is it, and how much of it is overdue?
-- Columns:
--   segment: all, category, direction, deal_type, customer_market, currency,
--     solution_area or industry; in the last two a deal stands in each of its
--     values, so they do not add up
--   segment_value: value of that field, null where it is null; all for all
--   current_stage: the furthest stage that it reached: created or accepted
--   deal_count: open deals
--   valued_count: of these, the ones with a value
--   value_usd: what they are worth together, in US dollars; null where no value
--     could be converted
--   overdue_count: of these deals, the ones that were expected to close on a
--     day before as_of's
--   overdue_value_usd: what the overdue ones are worth together, in US dollars;
--     null where no value could be converted
--   median_age_days: days since creation, in the middle of these deals
--   converted_count: of these, the ones whose value could be converted to US
--     dollars

with deal_counts as (

    select * from intermediate.deal_counts
    where is_open

)

select
    segment,
    segment_value,
    state as current_stage,
    deal_count,
    valued_count,
    value_usd,
    overdue_count,
    overdue_value_usd,
    median_days as median_age_days,
    converted_count
from deal_counts
