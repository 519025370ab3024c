-- How long referrals take from one stage to another, in days.
-- Grain: one row per segment, segment_value, from_stage, to_stage
-- Answers: how quickly do we respond, accept and close, also in slow cases?
-- Columns:
--   from_stage: stage that the step starts at
--   to_stage: stage that it ends at
--   referral_count: referrals with both dates, in that order
--   mean_days: mean duration, days
--   p50_days: median duration, days
--   p75_days: 75th percentile, days
--   p90_days: 90th percentile, days
--   p95_days: 95th percentile, days

with durations as (

    select * from intermediate.duration_percentiles

), steps as (

    select
        segment,
        segment_value,
        'created' as from_stage,
        'acknowledged' as to_stage,
        created_to_acknowledged_count as referral_count,
        created_to_acknowledged_mean as mean_days,
        created_to_acknowledged_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'created' as from_stage,
        'responded' as to_stage,
        created_to_responded_count as referral_count,
        created_to_responded_mean as mean_days,
        created_to_responded_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'created' as from_stage,
        'accepted' as to_stage,
        created_to_accepted_count as referral_count,
        created_to_accepted_mean as mean_days,
        created_to_accepted_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'acknowledged' as from_stage,
        'accepted' as to_stage,
        acknowledged_to_accepted_count as referral_count,
        acknowledged_to_accepted_mean as mean_days,
        acknowledged_to_accepted_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'accepted' as from_stage,
        'won' as to_stage,
        accepted_to_won_count as referral_count,
        accepted_to_won_mean as mean_days,
        accepted_to_won_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'accepted' as from_stage,
        'lost' as to_stage,
        accepted_to_lost_count as referral_count,
        accepted_to_lost_mean as mean_days,
        accepted_to_lost_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'created' as from_stage,
        'won' as to_stage,
        created_to_won_count as referral_count,
        created_to_won_mean as mean_days,
        created_to_won_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'created' as from_stage,
        'declined' as to_stage,
        created_to_declined_count as referral_count,
        created_to_declined_mean as mean_days,
        created_to_declined_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'created' as from_stage,
        'expired' as to_stage,
        created_to_expired_count as referral_count,
        created_to_expired_mean as mean_days,
        created_to_expired_percentiles as percentiles
    from durations
    union all
    select
        segment,
        segment_value,
        'created' as from_stage,
        'closed' as to_stage,
        created_to_closed_count as referral_count,
        created_to_closed_mean as mean_days,
        created_to_closed_percentiles as percentiles
    from durations

)

select
    segment,
    segment_value,
    from_stage,
    to_stage,
    referral_count,
    mean_days,
    percentiles[1] as p50_days,
    percentiles[2] as p75_days,
    percentiles[3] as p90_days,
    percentiles[4] as p95_days
from steps
