-- Which deals are won, by number and by value.
-- Grain: one row per segment, segment_value

select
    segment,
    segment_value,
    won_count,
    lost_count,
    win_rate,
    won_value_usd,
    lost_value_usd,
    won_converted_count,
    lost_converted_count,
    value_win_rate
from marts.deal_win_rates
where
    segment in ('all', 'category', 'direction', 'customer_market')
    and won_count + lost_count > 0
qualify
    row_number() over (
        partition by segment
        order by won_count + lost_count desc, segment_value nulls last
    ) <= 12
order by
    segment <> 'all', segment, won_count + lost_count desc,
    segment_value nulls last
