-- How many referrals reached each stage of the funnel that both of Microsoft's
-- processes share, and the share that went on from stage to stage.
-- Grain: one row per segment, segment_value, stage
-- Answers: where do we lose referrals, and in which segment?
-- Columns:
--   stage: created, responded, accepted or won
--   stage_order: 1 for created to 4 for won
--   reached_count: referrals that reached the stage
--   strict_count: of these, referrals that passed every stage up to it with
--     dates in order
--   step_conversion_rate: reached_count over that of the stage before, 0 to 1;
--     null for created or if that is 0
--   cumulative_conversion_rate: reached_count over that of created, 0 to 1;
--     null if that is 0

with segment_counts as (

    select * from intermediate.segment_counts

), stages as (

    select 'created' as stage, 1 as stage_order
    union all
    select 'responded' as stage, 2 as stage_order
    union all
    select 'accepted' as stage, 3 as stage_order
    union all
    select 'won' as stage, 4 as stage_order

), counted as (

    select
        segment_counts.segment,
        segment_counts.segment_value,
        stages.stage,
        stages.stage_order,
        segment_counts.created_count,
        case stages.stage
            when 'created' then segment_counts.created_count
            when 'responded' then segment_counts.responded_count
            when 'accepted' then segment_counts.accepted_count
            when 'won' then segment_counts.won_count
        end as reached_count,
        case stages.stage
            when 'created' then segment_counts.created_strict_count
            when 'responded' then segment_counts.responded_strict_count
            when 'accepted' then segment_counts.accepted_strict_count
            when 'won' then segment_counts.won_strict_count
        end as strict_count
    from segment_counts
    cross join stages

)

select
    segment,
    segment_value,
    stage,
    stage_order,
    reached_count,
    strict_count,
    reached_count / nullif(
        lag(reached_count) over (
            partition by segment, segment_value
            order by stage_order
        ),
        0
    ) as step_conversion_rate,
    reached_count / nullif(created_count, 0) as cumulative_conversion_rate
from counted
