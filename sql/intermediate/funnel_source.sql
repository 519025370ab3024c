-- The resource whose referrals the funnel counts: the configured one, else
-- engagements where that table alone had rows, else referrals. Never both, since
-- the same deal may stand in both.
-- Grain: one row
-- Answers: does the funnel count referrals or deals?
-- Columns:
--   source: referrals or engagements

with choice as (

    select * from staging.funnel_choice

), moments as (

    select * from intermediate.moments

), referrals as (

    select count(*) as known_count
    from (
        select versions.referral_id
        from staging.referral_versions as versions
        cross join moments
        where
            moments.known_at is null
            or versions.valid_from <= moments.known_at
        limit 1
    ) as any_referral

), deals as (

    select count(*) as known_count
    from (
        select versions.deal_id
        from staging.deal_versions as versions
        cross join moments
        where
            moments.known_at is null
            or versions.valid_from <= moments.known_at
        limit 1
    ) as any_deal

)

select
    coalesce(
        choice.source,
        case
            when referrals.known_count = 0 and deals.known_count > 0
                then 'engagements'
            else 'referrals'
        end
    ) as source
from choice
cross join referrals
cross join deals
