-- What should be won of what is open, and how often such a forecast held: the
-- rows of marts.forecast, and how many of marts.forecast_backtest are within.
-- Both are read off their forecasts at once, which take long to make. The widths
-- are half an interval, in standard deviations of chance alone.
-- Grain: one row per source, horizon_days

with forecasts as (

    select
        forecasts.*,
        forecasts.made_at = moment.as_of as is_now,
        forecasts.is_month_end
        and forecasts.is_settled
        and forecasts.made_at > moment.as_of - interval 24 month as is_past,
        forecasts.measure = 'won_count' as is_count
    from intermediate.forecasts
    cross join temp.moment as moment

)

select
    source,
    horizon_days,
    max(open_count) filter (where is_now) as open_count,
    max(expected) filter (where is_now and is_count) as expected_won_count,
    max(low) filter (where is_now and is_count) as expected_won_count_low,
    max(high) filter (where is_now and is_count) as expected_won_count_high,
    max(expected) filter (where is_now and not is_count)
        as expected_won_value_usd,
    max(low) filter (where is_now and not is_count)
        as expected_won_value_usd_low,
    max(high) filter (where is_now and not is_count)
        as expected_won_value_usd_high,
    max(half_width_deviations) filter (where is_now and is_count)
        as count_width,
    max(half_width_deviations) filter (where is_now and not is_count)
        as value_usd_width,
    count(actual between low and high) filter (where is_past and is_count)
        as past_count,
    count(*) filter (where is_past and is_count and actual between low and high)
        as within_count
from forecasts
group by source, horizon_days
having max(open_count) filter (where is_now) > 0
order by source desc, horizon_days asc
