-- Each item that was open at a moment of a forecast, by its state: the stage that
-- it had reached and how long it had been there; and what became of it. States
-- are numbers: the days in the stage, rounded down to 0, 7, 14, 30, 60, 90, 180
-- or 365, plus 1000 for accepted items; -1 is won, -2 closed otherwise.
-- Grain: one row per source, made_at, item_id
-- Answers: where did an open item stand on a day, and was it won?
-- Columns:
--   made_at: the moment of the forecast, UTC
--   state: its state at that moment; an unknown time in a stage is 365
--   next_state: its state 30 days later
--   value_usd: what winning it is worth in US dollars, at the rate of the month
--     of made_at; null if unknown
--   closed_value_usd: the same at the rate of the month of closing
--   is_won_in_30: whether it was won within 30 days after made_at
--   is_won_in_90: whether it was won within 90 days
--   is_won_in_180: whether it was won within 180 days

with lifecycles as (

    select
        *,
        coalesce(created_at, as_of - interval 100 year) as exists_from,
        coalesce(closed_at, as_of + interval 1 day) as open_until,
        coalesce(won_until, as_of + interval 1 day) as is_won_until
    from intermediate.lifecycles

), deal_rates as (

    select * from intermediate.deal_rates

), moments as (

    select
        made_at,
        cast(date_trunc('month', made_at) as date) as rate_month,
        made_at + interval 30 day as in_30_days,
        made_at + interval 90 day as in_90_days,
        made_at + interval 180 day as in_180_days
    from intermediate.forecast_moments

), open_then as (

    select
        lifecycles.source,
        lifecycles.item_id,
        lifecycles.deal_value,
        lifecycles.currency,
        lifecycles.value_usd as closed_value_usd,
        lifecycles.won_at,
        lifecycles.is_won_until,
        lifecycles.open_until,
        moments.made_at,
        moments.rate_month,
        moments.in_30_days,
        moments.in_90_days,
        moments.in_180_days,
        coalesce(
            lifecycles.accepted_at <= moments.made_at, false
        ) as is_accepted,
        coalesce(
            lifecycles.accepted_at <= moments.in_30_days, false
        ) as is_accepted_next,
        lifecycles.accepted_at,
        lifecycles.created_at
    from lifecycles
    inner join moments
        on
            lifecycles.exists_from <= moments.made_at
            and lifecycles.open_until > moments.made_at

), aged as (

    select
        *,
        date_diff(
            'microsecond',
            case when is_accepted then accepted_at else created_at end,
            made_at
        ) / 86400000000 as days_in_stage,
        date_diff(
            'microsecond',
            case when is_accepted_next then accepted_at else created_at end,
            in_30_days
        ) / 86400000000 as days_in_next_stage,
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
            when days_in_stage >= 365 then 365
            when days_in_stage >= 180 then 180
            when days_in_stage >= 90 then 90
            when days_in_stage >= 60 then 60
            when days_in_stage >= 30 then 30
            when days_in_stage >= 14 then 14
            when days_in_stage >= 7 then 7
            when days_in_stage < 7 then 0
            else 365
        end as state,
        case when is_accepted_next then 1000 else 0 end
        + case
            when days_in_next_stage >= 365 then 365
            when days_in_next_stage >= 180 then 180
            when days_in_next_stage >= 90 then 90
            when days_in_next_stage >= 60 then 60
            when days_in_next_stage >= 30 then 30
            when days_in_next_stage >= 14 then 14
            when days_in_next_stage >= 7 then 7
            when days_in_next_stage < 7 then 0
            else 365
        end as next_open_state
    from aged

), valued as (

    select
        placed.*,
        placed.deal_value
        * case
            when placed.currency = 'USD' then 1
            else deal_rates.usd_per_unit
        end as value_usd
    from placed
    left join deal_rates
        on
            placed.currency = deal_rates.currency
            and placed.rate_month = deal_rates.rate_month

)

select
    source,
    item_id,
    made_at,
    state,
    case
        when is_won_in_30 then -1
        when open_until <= in_30_days then -2
        else next_open_state
    end as next_state,
    value_usd,
    case when value_usd is not null then closed_value_usd end
        as closed_value_usd,
    is_won_in_30,
    is_won_in_90,
    is_won_in_180
from valued
