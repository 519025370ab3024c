-- Deals created, won and lost in each month without gaps, and what they are
-- worth. Left out are deals without a created date; wins and losses without a
-- date are in no month.
-- Grain: one row per month
-- Answers: is business growing in number and in value?
-- Columns:
--   created_count: deals created in the month
--   won_count: deals won in the month
--   lost_count: deals lost in the month
--   created_value_usd: sum of the values of the created ones, in US dollars;
--     null where no value could be converted
--   won_value_usd: sum of the values of the won ones, in US dollars; null
--     where no value could be converted
--   lost_value_usd: sum of the values of the lost ones, in US dollars; null
--     where no value could be converted
--   average_won_value_usd: what a won deal is worth, in US dollars: the mean of
--     those with a value that could be converted
--   is_complete: whether all of the month lies between the first date of any
--     deal and as_of
--   created_converted_count: created deals whose value could be converted to US
--     dollars
--   won_converted_count: won deals whose value could be converted to US dollars
--   lost_converted_count: lost deals whose value could be converted to US
--     dollars

with deals as (

    select * from intermediate.valued_deals
    where is_counted and created_at is not null

), deal_months as (

    select * from intermediate.deal_months

), events as (

    select
        cast(date_trunc('month', created_at) as date) as month,
        'created' as event,
        deal_value_usd
    from deals
    union all
    select
        cast(date_trunc('month', closed_at) as date) as month,
        outcome as event,
        deal_value_usd
    from deals
    where outcome in ('won', 'lost') and closed_at is not null

), summed as (

    select
        month,
        event,
        count(*) as deal_count,
        count(deal_value_usd) as converted_count,
        sum(deal_value_usd) as value_usd
    from events
    group by month, event

)

select
    deal_months.month,
    coalesce(created.deal_count, 0) as created_count,
    coalesce(won.deal_count, 0) as won_count,
    coalesce(lost.deal_count, 0) as lost_count,
    case
        when created.month is null then 0
        else created.value_usd
    end as created_value_usd,
    case when won.month is null then 0 else won.value_usd end as won_value_usd,
    case
        when lost.month is null then 0
        else lost.value_usd
    end as lost_value_usd,
    won.value_usd
    / nullif(won.converted_count, 0) as average_won_value_usd,
    deal_months.is_complete,
    coalesce(created.converted_count, 0) as created_converted_count,
    coalesce(won.converted_count, 0) as won_converted_count,
    coalesce(lost.converted_count, 0) as lost_converted_count
from deal_months
left join summed as created
    on deal_months.month = created.month and created.event = 'created'
left join summed as won
    on deal_months.month = won.month and won.event = 'won'
left join summed as lost
    on deal_months.month = lost.month and lost.event = 'lost'
