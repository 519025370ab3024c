-- Where referrals are lost, for each segment that can be chosen.
-- Grain: one row per segment_id, stage

with funnel_stages as (

    select * from marts.funnel_stages

), segments as (

    select * from temp.shown_segments

)

select
    segments.segment_id,
    funnel_stages.stage,
    funnel_stages.reached_count,
    funnel_stages.step_conversion_rate,
    funnel_stages.cumulative_conversion_rate
from funnel_stages
inner join segments
    on
        funnel_stages.segment = segments.segment
        and funnel_stages.segment_value
        is not distinct from segments.segment_value
order by segments.segment_id, funnel_stages.stage_order
