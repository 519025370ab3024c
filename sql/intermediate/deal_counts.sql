-- Deals counted and added up by segment and by how they stand.
-- Grain: one row per segment, segment_value, is_open, state
-- Answers: how many deals of a segment are in a state, and what are they worth?
-- Columns:
--   segment: all, category, direction, deal_type, customer_market, currency,
--     solution_area or industry; in the last two a deal stands in each of its
--     values, so they do not add up
--   segment_value: value of that field, null where it is null; all for all
--   state: the stage of open deals, the outcome of closed ones
--   deal_count: deals
--   valued_count: of these, the ones with a value
--   converted_count: of these, the ones whose value could be converted to US
--     dollars
--   value_usd: sum of their values, in US dollars; null where no value
--     could be converted
--   largest_value_usd: the largest value among them, in US dollars
--   median_value_usd: the middle value among them where they are won, in US
--     dollars
--   median_days: median of the days since creation: to as_of for open ones, to
--     closing for won ones
--   overdue_count: of these, the ones that are overdue
--   overdue_value_usd: sum of their values, in US dollars; null where
--     no value could be converted

with deals as (

    select
        *,
        coalesce(outcome, current_stage) as state,
        case when is_open then age_days else days_to_close end as days
    from intermediate.valued_deals
    where is_counted

), tags as (

    select
        deal_id,
        kind,
        tag
    from staging.deal_tags
    where kind in ('solution_area', 'industry')

), segments as (

    select segment
    from (
        values
            ('all'),
            ('category'),
            ('direction'),
            ('deal_type'),
            ('customer_market'),
            ('currency')
    ) as segments (segment)

), tag_segments as (

    select segment
    from (values ('solution_area'), ('industry')) as segments (segment)

), segmented as (

    select
        segments.segment,
        case segments.segment
            when 'category' then deals.category
            when 'direction' then deals.direction
            when 'deal_type' then deals.deal_type
            when 'customer_market' then deals.customer_market
            when 'currency' then deals.currency
            else 'all'
        end as segment_value,
        deals.is_open,
        deals.state,
        deals.has_value,
        deals.deal_value_usd,
        deals.days,
        deals.is_overdue
    from deals
    cross join segments
    union all
    select
        tag_segments.segment,
        tags.tag as segment_value,
        deals.is_open,
        deals.state,
        deals.has_value,
        deals.deal_value_usd,
        deals.days,
        deals.is_overdue
    from deals
    cross join tag_segments
    left join tags
        on deals.deal_id = tags.deal_id and tag_segments.segment = tags.kind

)

select
    segment,
    segment_value,
    is_open,
    state,
    count(*) as deal_count,
    count(*) filter (where has_value) as valued_count,
    count(deal_value_usd) as converted_count,
    sum(deal_value_usd) as value_usd,
    max(deal_value_usd) as largest_value_usd,
    quantile_cont(deal_value_usd, 0.5) filter (
        where state = 'won'
    ) as median_value_usd,
    quantile_cont(days, 0.5) filter (
        where is_open or state = 'won'
    ) as median_days,
    count(*) filter (where is_overdue) as overdue_count,
    case
        when count(*) filter (where is_overdue) = 0 then 0
        else sum(case when is_overdue then deal_value_usd end)
    end as overdue_value_usd
from segmented
group by segment, segment_value, is_open, state
