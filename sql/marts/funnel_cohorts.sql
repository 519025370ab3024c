-- The referrals created in each month, and what became of them by now or within
-- so many days. A window is null until it has passed for the whole month, so
-- that young months do not look worse than old ones.
-- Grain: one row per segment, segment_value, created_month
-- Answers: are we getting better from month to month, and in which segment?
-- Columns:
--   segment: all, customer_market, customer_org_size or partner_market
--   segment_value: value of that field, null where it is null; all for all
--   created_count: referrals created in the month
--   won_within_7_days_rate: won within 7 days after creation over created, 0 to
--     1; null while any of the month has been watched for less
--   won_within_14_days_rate: won within 14 days after creation over created, 0
--     to 1; null while any of the month has been watched for less
--   won_within_30_days_rate: won within 30 days after creation over created, 0
--     to 1; null while any of the month has been watched for less
--   won_within_60_days_rate: won within 60 days after creation over created, 0
--     to 1; null while any of the month has been watched for less
--   won_within_90_days_rate: won within 90 days after creation over created, 0
--     to 1; null while any of the month has been watched for less

with cohort_cells as (

    select * from intermediate.cohort_cells

), moments as (

    select * from intermediate.moments

), summed as (

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
        cast(sum(created_count) as bigint) as created_count,
        cast(sum(responded_count) as bigint) as responded_count,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(won_count) as bigint) as won_count,
        cast(sum(lost_count) as bigint) as lost_count,
        cast(sum(declined_count) as bigint) as declined_count,
        cast(sum(expired_count) as bigint) as expired_count,
        cast(sum(open_count) as bigint) as open_count,
        cast(sum(won_within_7_days_count) as bigint) as won_within_7_days_count,
        cast(
            sum(won_within_14_days_count) as bigint
        ) as won_within_14_days_count,
        cast(
            sum(won_within_30_days_count) as bigint
        ) as won_within_30_days_count,
        cast(
            sum(won_within_60_days_count) as bigint
        ) as won_within_60_days_count,
        cast(
            sum(won_within_90_days_count) as bigint
        ) as won_within_90_days_count
    from cohort_cells
    group by
        grouping sets (
            (created_month),
            (created_month, customer_market),
            (created_month, customer_org_size),
            (created_month, partner_market)
        )

), ended as (

    select
        summed.*,
        moments.as_of,
        summed.created_month + interval 1 month as month_end
    from summed
    cross join moments

)

select
    segment,
    segment_value,
    created_month,
    created_count,
    responded_count,
    accepted_count,
    won_count,
    lost_count,
    declined_count,
    expired_count,
    open_count,
    case
        when month_end + interval 7 day <= as_of
            then won_within_7_days_count / created_count
    end as won_within_7_days_rate,
    case
        when month_end + interval 14 day <= as_of
            then won_within_14_days_count / created_count
    end as won_within_14_days_rate,
    case
        when month_end + interval 30 day <= as_of
            then won_within_30_days_count / created_count
    end as won_within_30_days_rate,
    case
        when month_end + interval 60 day <= as_of
            then won_within_60_days_count / created_count
    end as won_within_60_days_rate,
    case
        when month_end + interval 90 day <= as_of
            then won_within_90_days_count / created_count
    end as won_within_90_days_rate
from ended
