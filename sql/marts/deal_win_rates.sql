-- Which share of the decided deals we win, by number and by value.
-- Grain: one row per segment, segment_value
-- Answers: which deals do we win, and are they the big ones?
-- Columns:
--   won_count: deals won
--   lost_count: deals lost
--   win_rate: won over won and lost, 0 to 1; null if neither
--   win_rate_low: lower end of its 95 % Wilson interval, 0 to 1
--   win_rate_high: upper end of its 95 % Wilson interval, 0 to 1
--   won_value_usd: sum of the values of the won ones, in US dollars; null
--     where no value could be converted
--   lost_value_usd: sum of the values of the lost ones, in US dollars; null
--     where no value could be converted
--   value_win_rate: won over won and lost by value, 0 to 1; null if either is
--     unknown or both are 0
--   largest_won_share: the share of the largest won deal in won_value_usd, 0 to
--     1
--   median_won_value_usd: median value of the won deals, in US dollars
--   median_days_to_win: median of the days from creation to the win
--   won_converted_count: won deals whose value could be converted to US dollars
--   lost_converted_count: lost deals whose value could be converted to US
--     dollars

with deal_counts as (

    select * from intermediate.deal_counts

), decided as (

    -- Of each outcome there is one row, so max() only picks it.
    select
        segment,
        segment_value,
        coalesce(
            max(deal_count) filter (where state = 'won'), 0
        ) as won_count,
        coalesce(
            max(deal_count) filter (where state = 'lost'), 0
        ) as lost_count,
        max(value_usd) filter (where state = 'won') as won_value_usd,
        max(value_usd) filter (where state = 'lost') as lost_value_usd,
        max(largest_value_usd) filter (
            where state = 'won'
        ) as largest_won_value_usd,
        max(median_value_usd) filter (
            where state = 'won'
        ) as median_won_value_usd,
        max(median_days) filter (where state = 'won') as median_days_to_win,
        coalesce(
            max(converted_count) filter (where state = 'won'), 0
        ) as won_converted_count,
        coalesce(
            max(converted_count) filter (where state = 'lost'), 0
        ) as lost_converted_count
    from deal_counts
    group by segment, segment_value

), rated as (

    select
        segment,
        segment_value,
        won_count,
        lost_count,
        won_count / nullif(won_count + lost_count, 0) as win_rate,
        won_count + lost_count as decided_count,
        case when won_count = 0 then 0 else won_value_usd end as won_value_usd,
        case
            when lost_count = 0 then 0
            else lost_value_usd
        end as lost_value_usd,
        largest_won_value_usd,
        median_won_value_usd,
        median_days_to_win,
        won_converted_count,
        lost_converted_count,
        -- 97.5th percentile of the standard normal distribution.
        cast(1.959963984540054 as double) as z_score
    from decided

), scored as (

    select
        *,
        z_score * z_score / nullif(decided_count, 0) as z_share,
        z_score * sqrt(
            win_rate * (1 - win_rate) / nullif(decided_count, 0)
            + z_score * z_score
            / nullif(4.0 * decided_count * decided_count, 0)
        ) as margin
    from rated

)

select
    segment,
    segment_value,
    won_count,
    lost_count,
    win_rate,
    (win_rate + z_share / 2 - margin) / (1 + z_share) as win_rate_low,
    (win_rate + z_share / 2 + margin) / (1 + z_share) as win_rate_high,
    won_value_usd,
    lost_value_usd,
    won_value_usd
    / nullif(won_value_usd + lost_value_usd, 0) as value_win_rate,
    largest_won_value_usd / nullif(won_value_usd, 0) as largest_won_share,
    median_won_value_usd,
    median_days_to_win,
    won_converted_count,
    lost_converted_count
from scored
