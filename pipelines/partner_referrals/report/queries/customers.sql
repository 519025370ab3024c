-- A number for each customer, by its first referral or deal, so that a number
-- stays when new customers come.
-- Grain: one row per customer_name

with customers as (

    select
        customer_name,
        created_at,
        referral_id as id
    from marts.referrals
    union all
    select
        customer_name,
        created_at,
        deal_id as id
    from marts.deals

)

select
    customer_name,
    row_number() over (
        order by min(created_at) nulls last, min(id)
    ) as customer_number
from customers
where customer_name is not null
group by customer_name
