-- The resource whose referrals the funnel counts: the configured one, else
-- referrals where that table has rows, else engagements. Never both, since the
-- same deal may stand in both.
-- Grain: one row
-- Answers: does the funnel count referrals or deals?
-- Columns:
--   source: referrals or engagements

with choice as (

    select * from staging.funnel_choice

), referrals as (

    select count(*) as referral_count from staging.referral_versions

)

select
    coalesce(
        choice.source,
        case
            when referrals.referral_count > 0 then 'referrals'
            else 'engagements'
        end
    ) as source
from choice
cross join referrals
