-- Open deals and what they are worth, by stage.
-- Grain: one row per segment, segment_value, current_stage
-- Answers: what is open, how old is it, and how much of it is overdue?
-- Columns:
--   current_stage: the furthest stage that it reached: created or accepted
--   deal_count: open deals
--   overdue_count: of these deals, the ones that were expected to close on a
--     day before as_of's
--   overdue_value_usd: sum of the values of the overdue ones, in US dollars;
--     null where no value could be converted
--   median_age_days: median of the days since creation

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
