-- The share of referrals that were won, and that were closed in any way, by so
-- many days after creation. Every other ending competes with winning, and open
-- referrals count for as long as they have been watched (Aalen-Johansen).
-- Grain: one row per segment, segment_value, day
-- Answers: how likely is a new referral to be won within 30, 60 or 90 days?
-- Columns:
--   day: days since creation, 0 to 365
--   at_risk_count: referrals neither closed nor last seen before that day
--   won_incidence: share won by then, 0 to 1
--   closed_incidence: share closed in any way by then, 0 to 1

with curve_steps as (

    select * from intermediate.curve_steps

), curve_days as (

    select * from intermediate.curve_days

), summed as (

    select
        segment,
        segment_value,
        day,
        on_the_day_count,
        row_number() over up_to_it = 1 as is_first,
        lead(day) over next_older as next_day,
        sum(referral_count) over whole_segment as total_count,
        sum(referral_count) over up_to_it as gone_count,
        -- Never past 1 for a rounding in the last digit.
        least(sum(won_step) over up_to_it, 1) as won_incidence,
        least(sum(closed_step) over up_to_it, 1) as closed_incidence
    from curve_steps
    window
        whole_segment as (partition by segment, segment_value),
        next_older as (
            partition by segment, segment_value
            order by day
        ),
        up_to_it as (
            partition by segment, segment_value
            order by day
            rows between unbounded preceding and current row
        )

)

-- A step holds until the next one; the first also tells of the days before it.
select
    summed.segment,
    summed.segment_value,
    curve_days.day,
    -- Who closes on the very moment that the day begins is still at risk then.
    cast(
        case
            when curve_days.day < summed.day then summed.total_count
            when curve_days.day > summed.day
                then summed.total_count - summed.gone_count
            else summed.total_count
                - summed.gone_count
                + summed.on_the_day_count
        end as bigint
    ) as at_risk_count,
    case
        when curve_days.day < summed.day then 0
        else summed.won_incidence
    end as won_incidence,
    case
        when curve_days.day < summed.day then 0
        else summed.closed_incidence
    end as closed_incidence
from summed
inner join curve_days
    on
        (summed.is_first or curve_days.day >= summed.day)
        and (summed.next_day is null or curve_days.day < summed.next_day)
