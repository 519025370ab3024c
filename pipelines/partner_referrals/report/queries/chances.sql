-- How likely an open item is won, by its state; null where nothing is known.
-- Grain: one row per source, state

select
    source,
    state,
    win_30_chance as chance_30,
    win_90_chance as chance_90,
    win_180_chance as chance_180
from intermediate.forecast_chances
inner join temp.moment as moment on forecast_chances.made_at = moment.as_of
