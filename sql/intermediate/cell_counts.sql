-- Referrals counted once into the finest cells that the funnel figures are
-- summed from, so that each mart adds up thousands of rows, not all of them.
-- Grain: one row per customer_market, customer_org_size, partner_market
-- Answers: how many referrals of one market and size reached each stage?
-- Columns:
--   created_count: referrals
--   responded_count: referrals that the partner responded to
--   accepted_count: referrals that reached acceptance
--   won_count: referrals that were won
--   lost_count: referrals whose outcome is lost
--   open_count: referrals that are still open
--   created_strict_count: referrals whose creation is dated
--   responded_strict_count: referrals dated in order up to the response
--   accepted_strict_count: referrals dated in order up to acceptance
--   won_strict_count: referrals dated in order up to the win

with referrals as (

    select * from intermediate.referral_outcomes
    where is_counted

)

select
    customer_market,
    customer_org_size,
    partner_market,
    count(*) as created_count,
    count(*) filter (where has_responded) as responded_count,
    count(*) filter (where has_accepted) as accepted_count,
    count(*) filter (where has_won) as won_count,
    count(*) filter (where has_lost) as lost_count,
    count(*) filter (where is_open) as open_count,
    count(*) filter (where is_created_strictly) as created_strict_count,
    count(*) filter (where is_responded_strictly) as responded_strict_count,
    count(*) filter (where is_accepted_strictly) as accepted_strict_count,
    count(*) filter (where is_won_strictly) as won_strict_count
from referrals
group by customer_market, customer_org_size, partner_market
