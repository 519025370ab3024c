-- The deals that the page counts, searches and lists: the open ones first, by
-- what they are worth, then the newest.
-- Grain: one row per deal_id

with deals as (

    select * from intermediate.valued_deals

), forecast_items as (

    select * from temp.forecast_items
    where source = 'engagements'

)

select
    deal_id,
    deal_name,
    customer_name,
    customer_market,
    category,
    direction as origin,
    current_stage,
    outcome,
    status_reason,
    cast(created_at as date) as created_on,
    expected_close_on,
    cast(closed_at as date) as closed_on,
    deal_value_usd,
    is_overdue,
    age_days,
    forecast_items.state as forecast_state
from deals
left join forecast_items on deals.deal_id = forecast_items.item_id
-- What was closed as an error never was a deal.
where is_counted
order by
    is_open desc,
    case when is_open then deal_value_usd end desc nulls last,
    created_at desc nulls last,
    deal_id
