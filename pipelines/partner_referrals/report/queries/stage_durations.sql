-- How long each step takes.
-- Grain: one row per from_stage, to_stage

select
    from_stage,
    to_stage,
    referral_count,
    p50_days,
    p90_days
from marts.stage_durations
where segment = 'all' and referral_count > 0
order by from_stage, p50_days
