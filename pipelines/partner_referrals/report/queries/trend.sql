-- What came in and what was decided in each of the last 24 months, for each
-- segment that can be chosen. For all referrals marts.trends says the same.
-- Grain: one row per segment_id, month

with referrals as (

    select * from temp.shown_referrals

), segments as (

    select * from temp.shown_segments

), moment as (

    select * from temp.shown_moment

), events as (

    select
        segment_ids,
        unnest(
            [
                {'event': 'created', 'happened_at': created_at},
                {'event': 'won', 'happened_at': won_at},
                {'event': 'lost', 'happened_at': lost_at}
            ],
            recursive := true
        )
    from referrals
    -- As in marts.flow_by_day: only what came in and, if closed, went out.
    where created_at is not null and (is_open or closed_at is not null)

), counted as (

    -- Summed over the few combinations of segments before they are taken apart.
    select
        segment_ids,
        event,
        cast(date_trunc('month', happened_at) as date) as month,
        count(*) as event_count
    from events
    where happened_at is not null
    group by all

), segment_events as (

    select
        * exclude (segment_ids),
        unnest(segment_ids) as segment_id
    from counted

), months as (

    select
        cast(
            unnest(
                generate_series(
                    greatest(
                        (select min(month) from segment_events),
                        -- One more than shown, for the change of the first.
                        date_trunc('month', as_of) - interval 24 month
                    ),
                    date_trunc('month', as_of),
                    interval 1 month
                )
            ) as date
        ) as month,
        as_of
    from moment

), summed as (

    select
        segments.segment_id,
        months.month,
        months.month + interval 1 month <= months.as_of as is_complete,
        coalesce(
            sum(segment_events.event_count)
            filter (where segment_events.event = 'created'), 0
        ) as created_count,
        coalesce(
            sum(segment_events.event_count)
            filter (where segment_events.event = 'won'), 0
        ) as won_count,
        coalesce(
            sum(segment_events.event_count)
            filter (where segment_events.event = 'lost'), 0
        ) as lost_count
    from months
    cross join segments
    left join segment_events
        on
            months.month = segment_events.month
            and segments.segment_id = segment_events.segment_id
    group by all

), compared as (

    select
        segment_id,
        month,
        is_complete,
        cast(created_count as bigint) as created_count,
        cast(won_count as bigint) as won_count,
        cast(lost_count as bigint) as lost_count,
        created_count
        / nullif(lag(created_count) over earlier, 0)
        - 1 as created_change_rate,
        won_count
        / nullif(lag(won_count) over earlier, 0)
        - 1 as won_change_rate,
        won_count / nullif(won_count + lost_count, 0) as win_rate,
        row_number() over earlier as place
    from summed
    window earlier as (partition by segment_id order by month)

)

select * exclude (place)
from compared
qualify place > max(place) over () - 24
order by segment_id, month
