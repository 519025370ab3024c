-- What would be won of what was open at each moment of a forecast, and what
-- was. The interval is as wide as the errors that the same method made before:
-- each error is divided by the standard deviation that chance alone gives, and
-- the root mean square of the last 12 known ones stretches the normal interval.
-- Two errors of 3 deviations are added, so that it starts wide and then learns.
-- Grain: one row per source, made_at, horizon_days, measure
-- Answers: how many wins, and dollars, were to be expected and came?
-- Columns:
--   source: where the items come from: referrals, or engagements
--   made_at: the moment of the forecast, UTC
--   horizon_days: 30, 90 or 180
--   measure: won_count, or won_value_usd
--   is_month_end: whether made_at is the end of a month
--   is_settled: whether the horizon has passed as of the moment asked about
--   open_count: items that were open at made_at
--   expected: what was expected of these; null with too little experience
--   low: lower limit of the interval that should hold 80 % of what comes
--   high: upper limit of it
--   actual: what came within the horizon; null until it has passed
--   known_errors: how many past errors the interval is made of
--   half_width_deviations: half the interval, in standard deviations of chance

with lifecycles as (

    select * from intermediate.lifecycles

), moments as (

    select * from intermediate.forecast_moments

), states as (

    select * from intermediate.forecast_chances

), horizons as (

    select horizon_days
    from (values (30), (90), (180)) as horizons (horizon_days)

), closings as (

    select
        source,
        cast(
            cast(date_trunc('month', closed_at) as date) as timestamp
        ) as closed_month,
        count(closed_at) as closed_count,
        min(created_at) as first_created_at
    from lifecycles
    group by source, closed_month

), made as (

    -- A forecast rests on what closed in the twelve calendar months before it.
    select
        closings.source,
        moments.made_at,
        moments.is_month_end,
        moments.as_of,
        sum(
            case
                when
                    closings.closed_month < moments.made_at
                    and closings.closed_month
                    >= moments.made_at - interval 12 month
                    then closings.closed_count
                else 0
            end
        ) as closed_count
    from closings
    cross join moments
    group by
        closings.source, moments.made_at, moments.is_month_end, moments.as_of
    having
        min(closings.first_created_at) < moments.made_at
        or moments.made_at = moments.as_of

), measures as (

    select measure
    from (values ('won_count'), ('won_value_usd')) as measures (measure)

), asked as (

    -- An item counts as 1, or as its value.
    select
        states.source,
        states.made_at,
        horizons.horizon_days,
        measures.measure,
        states.has_experience,
        states.open_count,
        case measure
            when 'won_count' then cast(open_count as double)
            else value_usd
        end as amount,
        case measure
            when 'won_count' then cast(open_count as double)
            else squared_value_usd
        end as squared_amount,
        case measure
            when 'won_count' then open_count
            else valued_count
        end as measured_count,
        case measure
            when 'won_count'
                then case horizon_days
                    when 30 then cast(won_30_count as double)
                    when 90 then cast(won_90_count as double)
                    else cast(won_180_count as double)
                end
            else case horizon_days
                when 30 then won_30_value_usd
                when 90 then won_90_value_usd
                else won_180_value_usd
            end
        end as won,
        -- Nothing is expected of a state that nothing was seen in.
        coalesce(
            case horizon_days
                when 30 then win_30_chance
                when 90 then win_90_chance
                else win_180_chance
            end,
            0
        ) as chance
    from states
    cross join horizons
    cross join measures

), summed as (

    -- Each item is won or not, which has a variance of p (1 - p) times its
    -- squared amount; the mean squared amount in addition keeps it above 0.
    select
        source,
        made_at,
        horizon_days,
        measure,
        has_experience,
        cast(sum(open_count) as bigint) as open_count,
        sum(amount) as open_amount,
        sum(amount * chance) as expected,
        sum(squared_amount * chance * (1 - chance))
        + sum(squared_amount) / sum(measured_count) as variance,
        case when sum(amount) is not null then coalesce(sum(won), 0) end as won
    from asked
    group by source, made_at, horizon_days, measure, has_experience

), judged as (

    select
        made.source,
        made.made_at,
        made.is_month_end,
        horizons.horizon_days,
        measures.measure,
        made.made_at + horizons.horizon_days * interval 1 day as settled_at,
        made.made_at + horizons.horizon_days * interval 1 day
        <= made.as_of as is_settled,
        made.closed_count >= 50
        and coalesce(summed.has_experience, false) as has_experience,
        coalesce(summed.open_count, 0) as open_count,
        summed.open_amount,
        summed.expected,
        summed.variance,
        case
            when made.made_at + horizons.horizon_days * interval 1 day
                <= made.as_of
                then case measures.measure
                    when 'won_count' then coalesce(summed.won, 0)
                    else summed.won
                end
        end as actual
    from made
    cross join horizons
    cross join measures
    left join summed
        on
            made.source = summed.source
            and made.made_at = summed.made_at
            and horizons.horizon_days = summed.horizon_days
            and measures.measure = summed.measure

), errors as (

    select
        source,
        made_at,
        horizon_days,
        measure,
        settled_at,
        (actual - expected) * (actual - expected) / variance as squared_error
    from judged
    where is_month_end and has_experience and is_settled

), past_errors as (

    -- Only errors that were known at the moment of the forecast.
    select
        judged.source,
        judged.made_at,
        judged.horizon_days,
        judged.measure,
        errors.squared_error,
        row_number() over (
            partition by
                judged.source,
                judged.made_at,
                judged.horizon_days,
                judged.measure
            order by errors.made_at desc
        ) as months_back
    from judged
    inner join errors
        on
            judged.source = errors.source
            and judged.horizon_days = errors.horizon_days
            and judged.measure = errors.measure
            and errors.settled_at <= judged.made_at

), learnt as (

    select
        source,
        made_at,
        horizon_days,
        measure,
        count(squared_error) as known_errors,
        sum(squared_error) as squared_errors
    from past_errors
    where months_back <= 12
    group by source, made_at, horizon_days, measure

), calibrated as (

    select
        judged.*,
        coalesce(learnt.known_errors, 0) as known_errors,
        -- 1.28155 standard deviations on both sides hold 80 % of a normal one.
        cast(1.2815515655446004 as double) * sqrt(
            (2 * 9 + coalesce(learnt.squared_errors, 0))
            / (2 + coalesce(learnt.known_errors, 0))
        ) as half_width_deviations
    from judged
    left join learnt
        on
            judged.source = learnt.source
            and judged.made_at = learnt.made_at
            and judged.horizon_days = learnt.horizon_days
            and judged.measure = learnt.measure

), widths as (

    select
        *,
        half_width_deviations * sqrt(variance) as half_width
    from calibrated

)

select
    source,
    made_at,
    horizon_days,
    measure,
    is_month_end,
    is_settled,
    open_count,
    case when has_experience then expected end as expected,
    case
        when has_experience and half_width is not null
            then greatest(expected - half_width, 0)
    end as low,
    case
        when has_experience and half_width is not null
            then least(expected + half_width, open_amount)
    end as high,
    actual,
    known_errors,
    half_width_deviations
from widths
