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

    -- Adding up needs no join of the steps with the grid of days.
    select
        segments.segment,
        segments.segment_value,
        curve_days.day,
        segments.referral_count as total_count,
        0 as referral_count,
        0 as on_the_day_count,
        0.0 as won_step,
        0.0 as closed_step
    from segments
    cross join curve_days
    union all
    select
        segment,
        segment_value,
        day,
        0 as total_count,
        referral_count,
        on_the_day_count,
        won_step,
        closed_step
    from curve_steps
    where day <= 365

), daily as (

    select
        segment,
        segment_value,
        day,
        sum(total_count) as total_count,
        sum(referral_count) as referral_count,
        sum(on_the_day_count) as on_the_day_count,
        sum(won_step) as won_step,
        sum(closed_step) as closed_step
    from changes
    group by segment, segment_value, day

)

select
    segment,
    segment_value,
    day,
    -- Who closes on the very moment that the day begins is still at risk then.
    cast(
        total_count - sum(referral_count) over past + on_the_day_count as bigint
    ) as at_risk_count,
    -- Never past 1 for a rounding in the last digit.
    least(sum(won_step) over past, 1) as won_incidence,
    least(sum(closed_step) over past, 1) as closed_incidence
from daily
window past as (
    partition by segment, segment_value
    order by day
    rows between unbounded preceding and current row
)
