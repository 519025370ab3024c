-- The open referrals to act on first: 15 of each segment that can be chosen.
-- Grain: one row per referral_id

with open_referrals as (

    select * from temp.shown_open

), memberships as (

    select
        referral_id,
        place,
        unnest(segment_ids) as segment_id
    from open_referrals

), first_ones as (

    select distinct referral_id
    from memberships
    qualify row_number() over (partition by segment_id order by place) <= 15

)

select
    open_referrals.segment_ids,
    open_referrals.referral_id,
    open_referrals.customer_name,
    open_referrals.customer_market,
    open_referrals.urgency,
    open_referrals.current_stage,
    open_referrals.days_open,
    open_referrals.days_in_stage,
    open_referrals.expires_at
from open_referrals
inner join first_ones on open_referrals.referral_id = first_ones.referral_id
order by open_referrals.place
