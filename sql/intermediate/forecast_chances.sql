-- What was open at each moment of a forecast by state, and how likely an item of
-- that state is won within 30, 90 and 180 days: a Markov chain in steps of 30
-- days, from what had happened by the moment of the forecast. A step's chances
-- are those of the 3 newest month ends whose next 30 days had passed by then;
-- more months would follow a change of conversion too slowly.
-- Grain: one row per source, made_at, state
-- Answers: what share of the items in this state would be won by then?
-- Columns:
--   made_at: the moment of the forecast, UTC
--   state: stage and days in it, as in forecast_items
--   win_30_chance: share that would be won within 30 days; null if such items
--     were not seen at these month ends
--   win_90_chance: share that would be won within 90 days
--   win_180_chance: share that would be won within 180 days
--   has_experience: whether anything was open at these month ends

with states as (

    select * from intermediate.forecast_states

), moments as (

    select * from intermediate.forecast_moments

), experiences as (

    select
        moments.made_at,
        month_ends.made_at as experienced_at,
        row_number() over (
            partition by moments.made_at order by month_ends.made_at desc
        ) as months_back
    from moments
    inner join moments as month_ends
        on month_ends.made_at + interval 30 day <= moments.made_at
    where month_ends.is_month_end

), moves as (

    select
        states.source,
        experiences.made_at,
        states.state,
        states.next_state,
        sum(states.open_count) as open_count
    from experiences
    inner join states on experiences.experienced_at = states.made_at
    where experiences.months_back <= 3
    group by
        states.source, experiences.made_at, states.state, states.next_state

), shares as (

    select
        source,
        made_at,
        state,
        next_state,
        cast(open_count as double) / sum(open_count) over (
            partition by source, made_at, state
        ) as share
    from moves
    union all
    -- What is won stays won.
    select distinct
        source,
        made_at,
        -1 as state,
        -1 as next_state,
        cast(1 as double) as share
    from moves

), within_30 as (

    select
        source,
        made_at,
        state,
        sum(case when next_state = -1 then share else 0 end) as win_chance
    from shares
    group by source, made_at, state

), within_60 as (

    select
        shares.source,
        shares.made_at,
        shares.state,
        sum(shares.share * later.win_chance) as win_chance
    from shares
    inner join within_30 as later
        on
            shares.source = later.source
            and shares.made_at = later.made_at
            and shares.next_state = later.state
    group by shares.source, shares.made_at, shares.state

), within_90 as (

    select
        shares.source,
        shares.made_at,
        shares.state,
        sum(shares.share * later.win_chance) as win_chance
    from shares
    inner join within_60 as later
        on
            shares.source = later.source
            and shares.made_at = later.made_at
            and shares.next_state = later.state
    group by shares.source, shares.made_at, shares.state

), within_120 as (

    select
        shares.source,
        shares.made_at,
        shares.state,
        sum(shares.share * later.win_chance) as win_chance
    from shares
    inner join within_90 as later
        on
            shares.source = later.source
            and shares.made_at = later.made_at
            and shares.next_state = later.state
    group by shares.source, shares.made_at, shares.state

), within_150 as (

    select
        shares.source,
        shares.made_at,
        shares.state,
        sum(shares.share * later.win_chance) as win_chance
    from shares
    inner join within_120 as later
        on
            shares.source = later.source
            and shares.made_at = later.made_at
            and shares.next_state = later.state
    group by shares.source, shares.made_at, shares.state

), within_180 as (

    select
        shares.source,
        shares.made_at,
        shares.state,
        sum(shares.share * later.win_chance) as win_chance
    from shares
    inner join within_150 as later
        on
            shares.source = later.source
            and shares.made_at = later.made_at
            and shares.next_state = later.state
    group by shares.source, shares.made_at, shares.state


), open_now as (

    select
        source,
        made_at,
        state,
        sum(open_count) as open_count,
        sum(won_30_count) as won_30_count,
        sum(won_90_count) as won_90_count,
        sum(won_180_count) as won_180_count,
        sum(valued_count) as valued_count,
        sum(value_usd) as value_usd,
        sum(squared_value_usd) as squared_value_usd,
        sum(won_30_value_usd) as won_30_value_usd,
        sum(won_90_value_usd) as won_90_value_usd,
        sum(won_180_value_usd) as won_180_value_usd
    from states
    group by source, made_at, state

)

select
    open_now.*,
    within_30.win_chance as win_30_chance,
    within_90.win_chance as win_90_chance,
    within_180.win_chance as win_180_chance,
    experienced.made_at is not null as has_experience
from open_now
left join within_30
    on
        open_now.source = within_30.source
        and open_now.made_at = within_30.made_at
        and open_now.state = within_30.state
left join within_90
    on
        open_now.source = within_90.source
        and open_now.made_at = within_90.made_at
        and open_now.state = within_90.state
left join within_180
    on
        open_now.source = within_180.source
        and open_now.made_at = within_180.made_at
        and open_now.state = within_180.state
left join (
    select distinct
        source,
        made_at
    from moves
) as experienced
    on
        open_now.source = experienced.source
        and open_now.made_at = experienced.made_at
