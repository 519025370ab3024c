-- Which share of the decided deals we win, with its 95 % confidence interval,
-- beside the two other shares that people call win rate.
-- Grain: one row per segment, segment_value
-- Answers: how often do we win, and is a difference between segments real?
-- Columns:
--   win_rate: won over won and lost, 0 to 1; null if neither
--   win_rate_low: lower end of its 95 % Wilson interval, 0 to 1
--   win_rate_high: upper end of its 95 % Wilson interval, 0 to 1
--   accepted_win_rate: won over accepted, as Microsoft has it, 0 to 1
--   conversion_rate: won over created, 0 to 1

with segment_counts as (

    select * from intermediate.segment_counts

), decided as (

    select
        segment,
        segment_value,
        created_count,
        accepted_count,
        won_count,
        lost_count,
        won_count / nullif(won_count + lost_count, 0) as win_rate,
        won_count + lost_count as decided_count,
        -- 97.5th percentile of the standard normal distribution.
        cast(1.959963984540054 as double) as z_score
    from segment_counts

), scored as (

    select
        *,
        z_score * z_score / nullif(decided_count, 0) as z_share,
        z_score * sqrt(
            win_rate * (1 - win_rate) / nullif(decided_count, 0)
            + z_score * z_score
            / nullif(4.0 * decided_count * decided_count, 0)
        ) as margin
    from decided

)

select
    segment,
    segment_value,
    created_count,
    accepted_count,
    won_count,
    lost_count,
    win_rate,
    (win_rate + z_share / 2 - margin) / (1 + z_share) as win_rate_low,
    (win_rate + z_share / 2 + margin) / (1 + z_share) as win_rate_high,
    won_count / nullif(accepted_count, 0) as accepted_win_rate,
    won_count / nullif(created_count, 0) as conversion_rate
from scored
