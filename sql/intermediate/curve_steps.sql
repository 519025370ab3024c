-- By how much each closed referral lifts the curve of its segments.
--
-- Aalen-Johansen: an event at age t adds S(t-) / n(t), the share not yet closed
-- over the number at risk. With G the share not yet censored, S(t-) * G(t-) is
-- n(t) / N, so that the step is 1 / (N * G(t-)): only the censorings before t
-- have to be multiplied up, and one sort of each segment does it. Ties: events
-- come before censorings; their order among themselves does not matter.
-- Grain: one row per segment, segment_value, first_day, last_day
-- Answers: how much does each day of age add to the share that is closed?
-- Columns:
--   segment: all, customer_market, customer_org_size or partner_market
--   segment_value: value of that field, null where it is null; all for all
--   first_day: whole days of age when these referrals closed or were last seen
--   last_day: the same rounded up: first day whose curve includes them
--   referral_count: referrals that closed or were last seen then
--   won_step: what the won ones add to the curve
--   closed_step: what the closed ones add to the curve

with referrals as (

    select * from intermediate.referral_durations

), ages as (

    select
        customer_market,
        customer_org_size,
        partner_market,
        is_open,
        coalesce(outcome = 'won', false) as is_won,
        case
            when is_open then created_to_as_of_days
            else created_to_closed_days
        end as age_days
    from referrals
    where
        created_to_closed_days is not null
        or (is_open and created_to_as_of_days is not null)

), segmented as (

    select
        'all' as segment,
        'all' as segment_value,
        age_days,
        is_open,
        is_won
    from ages
    union all
    select
        'customer_market' as segment,
        customer_market as segment_value,
        age_days,
        is_open,
        is_won
    from ages
    union all
    select
        'customer_org_size' as segment,
        customer_org_size as segment_value,
        age_days,
        is_open,
        is_won
    from ages
    union all
    select
        'partner_market' as segment,
        partner_market as segment_value,
        age_days,
        is_open,
        is_won
    from ages

), ranked as (

    select
        *,
        row_number() over (
            partition by segment, segment_value
            order by age_days, is_open
        ) as place,
        count(*) over (partition by segment, segment_value) as total_count
    from segmented

), weighed as (

    select
        *,
        -- The last one at risk needs no factor: nobody comes after it.
        exp(
            -sum(
                case
                    when is_open and place < total_count
                        then ln(
                            (total_count - place)
                            / (total_count - place + 1)
                        )
                    else 0
                end
            ) over (
                partition by segment, segment_value
                order by age_days, is_open, place
                rows between unbounded preceding and current row
            )
        ) / total_count as step
    from ranked

)

select
    segment,
    segment_value,
    cast(floor(age_days) as integer) as first_day,
    cast(ceil(age_days) as integer) as last_day,
    count(*) as referral_count,
    coalesce(sum(step) filter (where is_won), 0) as won_step,
    coalesce(sum(step) filter (where not is_open), 0) as closed_step
from weighed
group by segment, segment_value, first_day, last_day
