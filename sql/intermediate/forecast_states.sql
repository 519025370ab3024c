-- What was open at each moment of a forecast, counted by its state: the stage
-- that it had reached and how long it had been there; and what became of it.
-- States are numbers: the days in the stage, rounded down to 0, 7, 14, 30, 60,
-- 90, 180 or 365, plus 1000 for accepted items; -1 is won, -2 closed otherwise.
-- Grain: one row per source, made_at, state, next_state
-- Answers: where did the open items of a day stand, and how many were won?
-- Columns:
--   source: where they come from: referrals, or engagements
--   made_at: the moment of the forecast, UTC
--   state: their state at that moment; an unknown time in a stage is 365
--   next_state: their state 30 days later
--   open_count: items
--   won_30_count: items won within 30 days after made_at
--   won_90_count: items won within 90 days
--   won_180_count: items won within 180 days
--   valued_count: items whose value is known
--   value_usd: sum of these values in US dollars
--   squared_value_usd: sum of the squares of these values
--   won_30_value_usd: value of what was won within 30 days
--   won_90_value_usd: value of what was won within 90 days
--   won_180_value_usd: value of what was won within 180 days

with lifecycles as (

    select
        *,
        coalesce(created_at, as_of - interval 100 year) as exists_from,
        coalesce(closed_at, as_of + interval 1 day) as open_until,
        coalesce(won_until, as_of + interval 1 day) as is_won_until
    from intermediate.lifecycles

), moments as (

    select * from intermediate.forecast_moments

), open_then as (

    select
        lifecycles.source,
        lifecycles.value_usd,
        lifecycles.won_at,
        lifecycles.is_won_until,
        lifecycles.open_until,
        moments.made_at,
        moments.made_at + interval 30 day as in_30_days,
        moments.made_at + interval 90 day as in_90_days,
        moments.made_at + interval 180 day as in_180_days,
        coalesce(
            lifecycles.accepted_at <= moments.made_at, false
        ) as is_accepted,
        coalesce(
            lifecycles.accepted_at <= moments.made_at + interval 30 day, false
        ) as is_accepted_next,
        lifecycles.accepted_at,
        lifecycles.created_at
    from lifecycles
    inner join moments
        on
            lifecycles.exists_from <= moments.made_at
            and lifecycles.open_until > moments.made_at

), entered as (

    select
        *,
        case when is_accepted then accepted_at else created_at end
            as entered_at,
        case when is_accepted_next then accepted_at else created_at end
            as entered_next_at,
        coalesce(
            won_at <= in_30_days and is_won_until > in_30_days, false
        ) as is_won_in_30,
        coalesce(
            won_at <= in_90_days and is_won_until > in_90_days, false
        ) as is_won_in_90,
        coalesce(
            won_at <= in_180_days and is_won_until > in_180_days, false
        ) as is_won_in_180
    from open_then

), placed as (

    select
        *,
        case when is_accepted then 1000 else 0 end
        + case
            when entered_at > made_at - interval 7 day then 0
            when entered_at > made_at - interval 14 day then 7
            when entered_at > made_at - interval 30 day then 14
            when entered_at > made_at - interval 60 day then 30
            when entered_at > made_at - interval 90 day then 60
            when entered_at > made_at - interval 180 day then 90
            when entered_at > made_at - interval 365 day then 180
            else 365
        end as state,
        case
            when is_won_in_30 then -1
            when open_until <= in_30_days then -2
            else
                case when is_accepted_next then 1000 else 0 end
                + case
                    when entered_next_at > in_30_days - interval 7 day then 0
                    when entered_next_at > in_30_days - interval 14 day then 7
                    when entered_next_at > in_30_days - interval 30 day then 14
                    when entered_next_at > in_30_days - interval 60 day then 30
                    when entered_next_at > in_30_days - interval 90 day then 60
                    when entered_next_at > in_30_days - interval 180 day
                        then 90
                    when entered_next_at > in_30_days - interval 365 day
                        then 180
                    else 365
                end
        end as next_state
    from entered

)

select
    source,
    made_at,
    state,
    next_state,
    count(*) as open_count,
    count(*) filter (where is_won_in_30) as won_30_count,
    count(*) filter (where is_won_in_90) as won_90_count,
    count(*) filter (where is_won_in_180) as won_180_count,
    count(value_usd) as valued_count,
    sum(value_usd) as value_usd,
    sum(value_usd * value_usd) as squared_value_usd,
    sum(value_usd) filter (where is_won_in_30) as won_30_value_usd,
    sum(value_usd) filter (where is_won_in_90) as won_90_value_usd,
    sum(value_usd) filter (where is_won_in_180) as won_180_value_usd
from placed
group by source, made_at, state, next_state
