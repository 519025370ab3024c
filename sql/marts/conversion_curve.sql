-- The share of referrals that were won, and that were closed in any way, by so
-- many days after creation. Every other ending competes with winning, and open
-- referrals count for as long as they have been watched (Aalen-Johansen).
-- Grain: one row per segment, segment_value, day
-- Answers: how likely is a new referral to be won within 30, 60 or 90 days?
-- Columns:
--   segment: all, customer_market, customer_org_size or partner_market
--   segment_value: value of that field, null where it is null; all for all
--   day: days since creation, 0 to 365
--   at_risk_count: referrals neither closed nor last seen before that day
--   won_incidence: share won by then, 0 to 1
--   closed_incidence: share closed in any way by then, 0 to 1

with curve_steps as (

    select * from intermediate.curve_steps

), curve_days as (

    select * from intermediate.curve_days

), segments as (

    select
        segment,
        segment_value,
        sum(referral_count) as referral_count
    from curve_steps
    group by segment, segment_value

), changes as (

    -- Adding up what enters, leaves and steps needs no join with the day grid.
    select
        segments.segment,
        segments.segment_value,
        curve_days.day,
        case curve_days.day
            when 0 then segments.referral_count else 0
        end as at_risk_change,
        0.0 as won_step,
        0.0 as closed_step
    from segments
    cross join curve_days
    union all
    select
        segment,
        segment_value,
        first_day + 1 as day,
        -referral_count as at_risk_change,
        0.0 as won_step,
        0.0 as closed_step
    from curve_steps
    where first_day < 365
    union all
    select
        segment,
        segment_value,
        last_day as day,
        0 as at_risk_change,
        won_step,
        closed_step
    from curve_steps
    where last_day <= 365

), daily as (

    select
        segment,
        segment_value,
        day,
        sum(at_risk_change) as at_risk_change,
        sum(won_step) as won_step,
        sum(closed_step) as closed_step
    from changes
    group by segment, segment_value, day

)

select
    segment,
    segment_value,
    day,
    cast(sum(at_risk_change) over past as bigint) as at_risk_count,
    -- Never past 1 for a rounding in the last digit.
    least(sum(won_step) over past, 1) as won_incidence,
    least(sum(closed_step) over past, 1) as closed_incidence
from daily
window past as (
    partition by segment, segment_value
    order by day
    rows between unbounded preceding and current row
)
