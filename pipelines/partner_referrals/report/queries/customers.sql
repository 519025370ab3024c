-- A number for each customer, by its first referral, so that a number stays
-- when new customers come.
-- Grain: one row per customer_name

select
    customer_name,
    row_number() over (
        order by min(created_at) nulls last, min(referral_id)
    ) as customer_number
from marts.referrals
where customer_name is not null
group by customer_name
