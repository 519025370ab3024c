-- How long each step takes, for each segment that can be chosen.
-- Grain: one row per segment_id, from_stage, to_stage

with stage_durations as (

    select * from marts.stage_durations

), segments as (

    select * from temp.shown_segments

)

select
    segments.segment_id,
    stage_durations.from_stage,
    stage_durations.to_stage,
    stage_durations.referral_count,
    stage_durations.mean_days,
    stage_durations.p50_days,
    stage_durations.p75_days,
    stage_durations.p90_days,
    stage_durations.p95_days
from stage_durations
inner join segments
    on
        stage_durations.segment = segments.segment
        and stage_durations.segment_value
        is not distinct from segments.segment_value
where stage_durations.referral_count > 0
order by
    segments.segment_id,
    stage_durations.from_stage,
    stage_durations.p50_days
