-- How many of all referrals were won.
-- Grain: one row

select * exclude (segment, segment_value)
from marts.win_rates
where segment = 'all'
