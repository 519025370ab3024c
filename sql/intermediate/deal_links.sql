-- The deals that certainly stand in the referrals of the analytics resource
-- too: by equal id, else by equal created second, customer and country, if
-- these are known and unique on both sides.
-- Grain: one row per deal_id
-- Answers: which referral is the same deal?
-- Columns:
--   referral_id: the referral that is the same deal

with deals as (

    select
        deal_id,
        date_trunc('second', created_at) as created_second,
        nullif(trim(customer_name), '') as customer_name,
        nullif(trim(customer_market), '') as customer_market
    from intermediate.known_deals

), versions as (

    select * from staging.referral_versions

), moments as (

    select * from intermediate.moments

), referrals as (

    select
        versions.referral_id,
        date_trunc('second', versions.created_at) as created_second,
        nullif(trim(versions.customer_name), '') as customer_name,
        nullif(trim(versions.customer_market), '') as customer_market
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

), equal_facts as (

    -- Where one deal and one referral say the same, there is one pair.
    select
        min(deals.deal_id) as deal_id,
        min(referrals.referral_id) as referral_id
    from deals
    inner join referrals
        on
            deals.created_second = referrals.created_second
            and deals.customer_name = referrals.customer_name
            and deals.customer_market = referrals.customer_market
    group by
        deals.created_second,
        deals.customer_name,
        deals.customer_market
    having count(*) = 1

)

select
    deal_id,
    deal_id as referral_id
from equal_ids
union all
select
    equal_facts.deal_id,
    equal_facts.referral_id
from equal_facts
left join equal_ids as same_deals on equal_facts.deal_id = same_deals.deal_id
left join equal_ids as same_referrals
    on equal_facts.referral_id = same_referrals.deal_id
where same_deals.deal_id is null and same_referrals.deal_id is null
