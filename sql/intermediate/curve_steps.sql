-- By how much the referrals of each age lift the curves of their segments.
--
-- Aalen-Johansen: an event at age t adds S(t-) / n(t), the share not yet closed
-- over the number at risk. With G the share not yet censored, S(t-) * G(t-) is
-- n(t) / N, so the step is 1 / (N * G(t-)), the same for all events from one
-- censoring to the next. One sort numbers the referrals of each segment by age;
-- from there on only the censored ones and the last of each day are looked at.
-- Ties: events come before censorings, their own order does not matter.
-- Grain: one row per segment, segment_value, day
-- Answers: how much does each day of age add to the share that is closed?
-- Columns:
--   segment: all, customer_market, customer_org_size or partner_market
--   segment_value: value of that field, null where it is null; all for all
--   day: age in days, rounded up: first day whose curve includes these
--   referral_count: referrals that closed or were last seen at that age
--   on_the_day_count: of these, the ones whose age is a whole number of days
--   won_step: what the won ones add to the curve; null past day 365
--   closed_step: what the closed ones add to the curve; null past day 365

with referrals as (

    select * from intermediate.referral_durations
    where is_counted

), aged as (

    select
        customer_market,
        customer_org_size,
        partner_market,
        is_open,
        case when outcome = 'won' then 1 else 0 end as won,
        case
            when is_open then created_to_as_of_days
            else created_to_closed_days
        end as age_days
    from referrals

), cells as (

    select distinct
        customer_market,
        customer_org_size,
        partner_market
    from aged

), segments as (

    select segment
    from (
        values
            ('all'),
            ('customer_market'),
            ('customer_org_size'),
            ('partner_market')
    ) as segments (segment)

), memberships as (

    select
        cells.*,
        segments.segment,
        case segments.segment
            when 'customer_market' then cells.customer_market
            when 'customer_org_size' then cells.customer_org_size
            when 'partner_market' then cells.partner_market
            else 'all'
        end as segment_value
    from cells
    cross join segments

), coded as (

    -- Sorting by a number takes a fraction of sorting by a text.
    select
        *,
        dense_rank() over (order by segment, segment_value) as code
    from memberships

), labels as (

    select distinct
        code,
        segment,
        segment_value
    from coded

), segmented as (

    select
        coded.code,
        -- Twice the age in days where that is whole, else the odd number between.
        cast(floor(aged.age_days) + ceil(aged.age_days) as integer) as half_day,
        aged.age_days,
        aged.is_open,
        aged.won
    from aged
    inner join coded
        on
            aged.customer_market is not distinct from coded.customer_market
            and aged.customer_org_size
            is not distinct from coded.customer_org_size
            and aged.partner_market is not distinct from coded.partner_market
    where aged.age_days is not null

), placed as (

    -- One sort of all segments, one after the other: DuckDB takes three times
    -- as long for a sort of each.
    select
        code,
        half_day,
        is_open,
        row_number() over up_to_it as place,
        sum(won) over up_to_it as won_place,
        coalesce(
            lead(half_day) over next_older <> half_day
            or lead(code) over next_older <> code,
            true
        ) as is_last_of_half_day
    from segmented
    window
        next_older as (order by code, age_days, is_open),
        up_to_it as (
            order by code, age_days, is_open
            rows between unbounded preceding and current row
        )

), breakpoints as (

    select * from placed
    where is_last_of_half_day or (is_open and half_day <= 2 * 365)

), stretches as (

    select
        *,
        place
        - coalesce(lag(place) over earlier, 0) as referral_count,
        won_place
        - coalesce(lag(won_place) over earlier, 0) as won_count
    from breakpoints
    window earlier as (order by place)

), totals as (

    select
        *,
        case
            when is_open then referral_count - 1 else referral_count
        end as closed_count,
        sum(referral_count) over same_segment as total_count,
        max(place) over same_segment as last_place
    from stretches
    window same_segment as (partition by code)

), weighed as (

    select
        *,
        cast(ceil(half_day / 2.0) as integer) as day,
        -- The last one at risk needs no factor: nobody comes after it.
        exp(
            -coalesce(
                sum(
                    case
                        when is_open and place < last_place
                            then ln(
                                (last_place - place)
                                / (last_place - place + 1)
                            )
                        else 0
                    end
                ) over (
                    partition by code
                    order by place
                    rows between unbounded preceding and 1 preceding
                ),
                0
            )
        ) / total_count as step
    from totals

)

select
    labels.segment,
    labels.segment_value,
    weighed.day,
    cast(sum(weighed.referral_count) as bigint) as referral_count,
    cast(
        coalesce(
            sum(weighed.referral_count) filter (
                where weighed.half_day = 2 * weighed.day
            ),
            0
        ) as bigint
    ) as on_the_day_count,
    sum(weighed.won_count * weighed.step) filter (
        where weighed.day <= 365
    ) as won_step,
    sum(weighed.closed_count * weighed.step) filter (
        where weighed.day <= 365
    ) as closed_step
from weighed
inner join labels on weighed.code = labels.code
group by labels.segment, labels.segment_value, weighed.day
