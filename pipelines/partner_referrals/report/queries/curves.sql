-- The share of referrals won and closed by day, for each segment that can be
-- chosen. A curve ends where so few are still watched that it would mislead.
-- Grain: one row per segment_id, day

with conversion_curve as (

    select * from marts.conversion_curve

), segments as (

    select * from temp.shown_segments

)

select
    segments.segment_id,
    conversion_curve.day,
    conversion_curve.at_risk_count,
    conversion_curve.won_incidence,
    conversion_curve.closed_incidence
from conversion_curve
inner join segments
    on
        conversion_curve.segment = segments.segment
        and conversion_curve.segment_value
        is not distinct from segments.segment_value
where
    conversion_curve.day % 5 = 0
    and (conversion_curve.at_risk_count >= 5 or conversion_curve.day = 0)
order by segments.segment_id, conversion_curve.day
