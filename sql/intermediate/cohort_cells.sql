-- Referrals counted once into the finest cells of each created month, for the
-- cohorts to be summed from.
-- Grain: one row per created_month, customer_market, customer_org_size,
-- partner_market
-- Answers: how many of a month's referrals of one market and size were won?
-- Columns:
--   created_month: first day of the month of creation, UTC
--   created_count: referrals
--   responded_count: referrals that the partner responded to
--   accepted_count: referrals that reached acceptance
--   won_count: referrals that were won
--   lost_count: referrals whose outcome is lost
--   declined_count: referrals whose outcome is declined
--   expired_count: referrals whose outcome is expired
--   open_count: referrals that are still open
--   won_within_7_days_count: referrals won within 7 days after creation
--   won_within_14_days_count: referrals won within 14 days after creation
--   won_within_30_days_count: referrals won within 30 days after creation
--   won_within_60_days_count: referrals won within 60 days after creation
--   won_within_90_days_count: referrals won within 90 days after creation

with referrals as (

    select * from intermediate.referral_durations
    where is_counted

)

select
    cast(date_trunc('month', created_at) as date) as created_month,
    customer_market,
    customer_org_size,
    partner_market,
    count(*) as created_count,
    count(*) filter (where has_responded) as responded_count,
    count(*) filter (where has_accepted) as accepted_count,
    count(*) filter (where has_won) as won_count,
    count(*) filter (where has_lost) as lost_count,
    count(*) filter (where outcome = 'declined') as declined_count,
    count(*) filter (where outcome = 'expired') as expired_count,
    count(*) filter (where is_open) as open_count,
    count(*) filter (
        where has_won and created_to_won_days <= 7
    ) as won_within_7_days_count,
    count(*) filter (
        where has_won and created_to_won_days <= 14
    ) as won_within_14_days_count,
    count(*) filter (
        where has_won and created_to_won_days <= 30
    ) as won_within_30_days_count,
    count(*) filter (
        where has_won and created_to_won_days <= 60
    ) as won_within_60_days_count,
    count(*) filter (
        where has_won and created_to_won_days <= 90
    ) as won_within_90_days_count
from referrals
where created_at is not null
group by created_month, customer_market, customer_org_size, partner_market
