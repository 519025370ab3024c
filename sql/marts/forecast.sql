-- How many wins, and how many US dollars, what is open now should bring within
-- 30, 90 and 180 days. What will be created later is not in it.
-- Grain: one row per source, horizon_days
-- Answers: what will be won of what is open, and how sure is that?
-- Columns:
--   source: whose open items these are: referrals, or engagements
--   horizon_days: days from as_of within which they would be won: 30, 90 or 180
--   open_count: items that are open
--   expected_won_count: how many of these would be won; null where fewer than
--     50 closed in the twelve calendar months before, or none was open a month
--     before
--   expected_won_count_low: lower limit of the interval that should hold 80 %
--     of the actual counts
--   expected_won_count_high: upper limit of that interval
--   expected_won_value_usd: what these would bring in US dollars; null for
--     referrals
--   expected_won_value_usd_low: lower limit of its 80 % interval
--   expected_won_value_usd_high: upper limit of its 80 % interval
--   method: what the forecast is made of; null where there is none

with forecasts as (

    select * from intermediate.forecasts

), moments as (

    select * from intermediate.moments

)

select
    forecasts.source,
    forecasts.horizon_days,
    max(forecasts.open_count) as open_count,
    max(case when measure = 'won_count' then expected end)
        as expected_won_count,
    max(case when measure = 'won_count' then low end) as expected_won_count_low,
    max(case when measure = 'won_count' then high end)
        as expected_won_count_high,
    max(case when measure = 'won_value_usd' then expected end)
        as expected_won_value_usd,
    max(case when measure = 'won_value_usd' then low end)
        as expected_won_value_usd_low,
    max(case when measure = 'won_value_usd' then high end)
        as expected_won_value_usd_high,
    max(
        case
            when measure = 'won_count' and expected is not null
                then concat(
                    'Wins by stage and days in it, in steps of 30 days after ',
                    'the last 3 month ends; interval from ',
                    cast(known_errors as varchar),
                    ' past errors; without what is created later'
                )
        end
    ) as method
from forecasts
inner join moments on forecasts.made_at = moments.as_of
group by forecasts.source, forecasts.horizon_days
