-- Why deals ended without a win: the most frequent reasons.
-- Grain: one row per outcome, status_reason

select
    outcome,
    status_reason,
    deal_count,
    value_usd,
    converted_count
from marts.loss_reasons
order by deal_count desc, outcome asc, status_reason asc nulls last
limit 12
