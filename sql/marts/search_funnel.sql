-- How often customers' searches showed the partner, and what came of it. Searches
-- keep no history, so that known_at changes the referrals alone.
-- Grain: one row per month, partner_market
-- Answers: do customers find us, and do they get in touch?
-- Columns:
--   month: first day of the month
--   partner_market: the market of the partner's location
--   page_views: searches in which the partner came up
--   profile_views: of these, the ones in which the customer opened the profile
--   contact_clicks: of these searches, the ones in which the customer chose to
--     contact
--   referrals_submitted: of these searches, the ones that led to a referral
--   referrals_created: referrals of that market in our own figures that were
--     created in the month

with searches as (

    select * from staging.searches

), moments as (

    select * from intermediate.moments

), referrals as (

    select * from intermediate.referral_outcomes
    where is_counted and created_at is not null

), searched as (

    select
        cast(date_trunc('month', searches.searched_on) as date) as month,
        searches.partner_market,
        count(*) as page_views,
        count(*) filter (where searches.is_profile_viewed) as profile_views,
        count(*) filter (where searches.is_contact_clicked) as contact_clicks,
        count(*) filter (
            where searches.is_referral_submitted
        ) as referrals_submitted
    from searches
    inner join moments on searches.searched_on <= moments.as_of
    group by
        cast(date_trunc('month', searches.searched_on) as date),
        searches.partner_market

), created as (

    select
        cast(date_trunc('month', created_at) as date) as month,
        partner_market,
        count(*) as referrals_created
    from referrals
    group by cast(date_trunc('month', created_at) as date), partner_market

)

select
    searched.month,
    searched.partner_market,
    searched.page_views,
    searched.profile_views,
    searched.contact_clicks,
    searched.referrals_submitted,
    coalesce(created.referrals_created, 0) as referrals_created
from searched
left join created
    on
        searched.month = created.month
        and searched.partner_market is not distinct from created.partner_market
