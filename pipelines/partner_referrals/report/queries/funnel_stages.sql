-- How far all referrals came.
-- Grain: one row per stage

select
    stage,
    reached_count,
    step_conversion_rate,
    cumulative_conversion_rate
from marts.funnel_stages
where segment = 'all'
order by stage_order
