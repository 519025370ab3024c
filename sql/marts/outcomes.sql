-- How the referrals of each month ended, or that they are still open.
-- Grain: one row per segment, segment_value, created_month, outcome
-- Answers: where do referrals end, and does that change from month to month?
-- Columns:
--   segment: all, customer_market, customer_org_size or partner_market
--   segment_value: value of that field, null where it is null; all for all
--   created_month: first day of the month of creation, UTC; null where the
--     created date is missing
--   outcome: won, lost, declined, expired, missed, skipped, archived or open;
--     only those that occur
--   referral_count: referrals with that outcome
--   share: of the referrals of that month and segment value, 0 to 1

with referrals as (

    select * from intermediate.referral_outcomes
    where is_counted

), placed as (

    select
        cast(date_trunc('month', created_at) as date) as created_month,
        coalesce(outcome, 'open') as outcome,
        customer_market,
        customer_org_size,
        partner_market
    from referrals

), counted as (

    select
        case
            when grouping(customer_market) = 0 then 'customer_market'
            when grouping(customer_org_size) = 0 then 'customer_org_size'
            when grouping(partner_market) = 0 then 'partner_market'
            else 'all'
        end as segment,
        case
            when grouping(customer_market) = 0 then customer_market
            when grouping(customer_org_size) = 0 then customer_org_size
            when grouping(partner_market) = 0 then partner_market
            else 'all'
        end as segment_value,
        created_month,
        outcome,
        count(*) as referral_count
    from placed
    group by
        grouping sets (
            (created_month, outcome),
            (created_month, outcome, customer_market),
            (created_month, outcome, customer_org_size),
            (created_month, outcome, partner_market)
        )

)

select
    segment,
    segment_value,
    created_month,
    outcome,
    referral_count,
    referral_count / sum(referral_count) over (
        partition by segment, segment_value, created_month
    ) as share
from counted
