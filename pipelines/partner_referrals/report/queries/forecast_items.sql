-- Where each open item stands, for its chance of being won.
-- Grain: one row per source, item_id

select
    forecast_items.source,
    forecast_items.item_id,
    forecast_items.state
from intermediate.forecast_items
inner join temp.moment as moment on forecast_items.made_at = moment.as_of
