-- The open referrals, in the order in which they should be acted on: those that
-- expire next, those past their expiry, then the accepted ones by age.
-- Grain: one row per referral_id

with open_referrals as (

    select * from marts.open_referrals

), referrals as (

    select * from temp.shown_referrals

), moment as (

    select * from temp.shown_moment

)

select
    referrals.segment_ids,
    open_referrals.*,
    referrals.customer_name,
    referrals.customer_market,
    case
        when open_referrals.current_stage = 'accepted' then 'accepted'
        when open_referrals.expires_at < moment.as_of then 'overdue'
        when open_referrals.expires_at < moment.as_of + interval 3 day
            then 'expiring'
        else 'waiting'
    end as urgency,
    row_number() over (
        order by
            open_referrals.expires_at < moment.as_of nulls last,
            open_referrals.expires_at nulls last,
            open_referrals.days_open desc nulls last,
            open_referrals.referral_id
    ) as place
from open_referrals
inner join referrals on open_referrals.referral_id = referrals.referral_id
cross join moment
