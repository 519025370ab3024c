-- The deals that certainly stand in the referrals of the analytics resource
-- too: by equal id, else by equal created second, customer and country, if
-- these are unique on both sides.
-- Grain: one row per deal_id
-- Answers: which referral is the same deal?
-- Columns:
--   deal_id: Partner Center's identifier of this row of the deal
--   referral_id: the referral that is the same deal

with deals as (

    select
        deal_id,
        date_trunc('second', created_at) as created_second,
        customer_name,
        customer_market
    from intermediate.known_deals

), versions as (

    select * from staging.referral_versions

), moments as (

    select * from intermediate.moments

), referrals as (

    select
        versions.referral_id,
        date_trunc('second', versions.created_at) as created_second,
        versions.customer_name,
        versions.customer_market
    from versions
    cross join moments
    where
        (moments.known_at is null or versions.valid_from <= moments.known_at)
        and (
            versions.valid_to is null or versions.valid_to > moments.known_at
        )

), equal_ids as (

    select deals.deal_id
    from deals
    inner join referrals on deals.deal_id = referrals.referral_id

), single_deals as (

    select
        created_second,
        customer_name,
        customer_market,
        min(deal_id) as deal_id
    from deals
    group by created_second, customer_name, customer_market
    having count(*) = 1

), single_referrals as (

    select
        created_second,
        customer_name,
        customer_market,
        min(referral_id) as referral_id
    from referrals
    group by created_second, customer_name, customer_market
    having count(*) = 1

)

select
    deal_id,
    deal_id as referral_id
from equal_ids
union all
select
    single_deals.deal_id,
    single_referrals.referral_id
from single_deals
inner join single_referrals
    on
        single_deals.created_second = single_referrals.created_second
        and single_deals.customer_name = single_referrals.customer_name
        and single_deals.customer_market = single_referrals.customer_market
left join equal_ids as same_deals on single_deals.deal_id = same_deals.deal_id
left join equal_ids as same_referrals
    on single_referrals.referral_id = same_referrals.deal_id
where same_deals.deal_id is null and same_referrals.deal_id is null
