-- What came in and what was decided, month by month. A referral that has a date
-- of both counts as what it ended as, as in the figures drawn by the scripts;
-- marts.trends counts each date.
-- Grain: one row per period_start

with endings as (

    select
        cast(date_trunc('month', closed_at) as date) as closed_month,
        count(*) filter (where outcome = 'won') as won_count,
        count(*) filter (where outcome = 'lost') as lost_count
    from marts.referrals
    where created_at is not null and closed_at is not null
    group by closed_month

)

select
    trends.period_start,
    trends.created_count,
    coalesce(endings.won_count, 0) as won_count,
    coalesce(endings.lost_count, 0) as lost_count,
    trends.is_complete
from marts.trends
left join endings on trends.period_start = endings.closed_month
where trends.period = 'month'
order by trends.period_start
