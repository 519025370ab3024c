-- What came in and what was decided, month by month.
-- Grain: one row per period_start

select
    period_start,
    created_count,
    won_count,
    lost_count,
    is_complete
from marts.trends
where period = 'month'
order by period_start
