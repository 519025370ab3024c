-- What is open and what it is worth.
-- Grain: one row per current_stage

select
    current_stage,
    deal_count,
    value_usd,
    converted_count,
    overdue_count,
    overdue_value_usd,
    median_age_days
from marts.pipeline
where segment = 'all'
order by current_stage desc
