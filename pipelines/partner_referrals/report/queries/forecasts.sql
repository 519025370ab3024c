-- What should be won of what is open, and how often such a forecast held. The
-- widths are half an interval, in standard deviations of chance alone.
-- Grain: one row per source, horizon_days

with widths as (

    select
        source,
        horizon_days,
        max(half_width_deviations) filter (where measure = 'won_count')
            as count_width,
        max(half_width_deviations) filter (where measure = 'won_value_usd')
            as value_usd_width
    from intermediate.forecasts
    inner join temp.moment as moment on forecasts.made_at = moment.as_of
    group by source, horizon_days

), backtests as (

    select
        source,
        horizon_days,
        count(is_within) as past_count,
        count(*) filter (where is_within) as within_count
    from marts.forecast_backtest
    group by source, horizon_days

)

select
    forecast.source,
    forecast.horizon_days,
    forecast.open_count,
    forecast.expected_won_count,
    forecast.expected_won_count_low,
    forecast.expected_won_count_high,
    forecast.expected_won_value_usd,
    forecast.expected_won_value_usd_low,
    forecast.expected_won_value_usd_high,
    widths.count_width,
    widths.value_usd_width,
    coalesce(backtests.past_count, 0) as past_count,
    coalesce(backtests.within_count, 0) as within_count
from marts.forecast
left join backtests
    on
        forecast.source = backtests.source
        and forecast.horizon_days = backtests.horizon_days
inner join widths
    on
        forecast.source = widths.source
        and forecast.horizon_days = widths.horizon_days
where forecast.open_count > 0
order by forecast.source desc, forecast.horizon_days asc
