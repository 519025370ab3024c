-- Which resource the user wants the funnel to count.
-- Grain: one row
-- Answers: was a source of the funnel configured?
-- Columns:
--   source: referrals or engagements; null: whichever has rows, referrals first

with funnel as (

    select * from settings.funnel

)

select source
from funnel
