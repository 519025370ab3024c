-- The forecast as it would have been made at the end of each past month, from
-- what had happened by then, beside what came. Dates are as known today.
-- Grain: one row per source, horizon_days, made_at
-- Answers: how far can the forecast be trusted?
-- Columns:
--   source: whose open items these were: referrals, or engagements
--   horizon_days: days from made_at within which they would be won: 30, 90, 180
--   made_at: end of one of the past 24 months whose horizon has passed: the
--     first moment of the month after it, UTC
--   open_count: items that were open then
--   expected_won_count: how many of these would be won, as forecast then; null
--     where too little was behind it
--   expected_won_count_low: lower limit of its 80 % interval
--   expected_won_count_high: upper limit of its 80 % interval
--   expected_won_value_usd: what these would bring in US dollars; null for
--     referrals
--   expected_won_value_usd_low: lower limit of its 80 % interval
--   expected_won_value_usd_high: upper limit of its 80 % interval
--   method: what the forecast is made of; null where there is none
--   actual_won_count: how many of these were won within the horizon
--   actual_won_value_usd: what these brought in US dollars; null for referrals
--   is_within: whether the actual count lies in the interval; null without one

with forecasts as (

    select * from intermediate.forecasts
    where is_month_end and is_settled

), moments as (

    select * from intermediate.moments

), by_count as (

    select forecasts.*
    from forecasts
    cross join moments
    where
        forecasts.measure = 'won_count'
        and forecasts.made_at > moments.as_of - interval 24 month

), by_value as (

    select * from forecasts
    where measure = 'won_value_usd'

)

select
    by_count.source,
    by_count.horizon_days,
    by_count.made_at,
    by_count.open_count,
    by_count.expected as expected_won_count,
    by_count.low as expected_won_count_low,
    by_count.high as expected_won_count_high,
    by_value.expected as expected_won_value_usd,
    by_value.low as expected_won_value_usd_low,
    by_value.high as expected_won_value_usd_high,
    case
        when by_count.expected is not null
            then concat(
                'Wins by stage and days in it, in steps of 30 days after the ',
                'last 3 month ends; interval from ',
                cast(by_count.known_errors as varchar),
                ' past errors; without what is created later'
            )
    end as method,
    cast(by_count.actual as bigint) as actual_won_count,
    by_value.actual as actual_won_value_usd,
    by_count.actual between by_count.low and by_count.high as is_within
from by_count
left join by_value
    on
        by_count.source = by_value.source
        and by_count.horizon_days = by_value.horizon_days
        and by_count.made_at = by_value.made_at
