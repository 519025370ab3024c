-- The resource whose referrals the funnel counts: the configured one, else
-- engagements where that table alone has rows, else referrals. Never both, since
-- the same deal may stand in both.
-- Grain: one row
-- Answers: does the funnel count referrals or deals?
-- Columns:
--   source: referrals or engagements

with choice as (

    select * from staging.funnel_choice

), referrals as (

    select count(*) as referral_count from staging.referral_versions

), deals as (

    select count(*) as deal_count from staging.deal_versions

)

select
    coalesce(
        choice.source,
        case
            when referrals.referral_count = 0 and deals.deal_count > 0
                then 'engagements'
            else 'referrals'
        end
    ) as source
from choice
cross join referrals
cross join deals
