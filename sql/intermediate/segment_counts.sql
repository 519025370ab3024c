-- Referrals counted by stage for all, and for each value of each segment.
-- Grain: one row per segment, segment_value
-- Answers: how many referrals of a segment reached each stage?
-- Columns:
--   segment: all, customer_market, customer_org_size or partner_market
--   segment_value: value of that field, null where it is null; all for all

with cell_counts as (

    select * from intermediate.cell_counts

), padded as (

    -- Spark gives no total of an empty table; this row counts nothing.
    select * from cell_counts
    union all
    select
        null as customer_market,
        null as customer_org_size,
        null as partner_market,
        0 as created_count,
        0 as responded_count,
        0 as accepted_count,
        0 as won_count,
        0 as lost_count,
        0 as open_count,
        0 as created_strict_count,
        0 as responded_strict_count,
        0 as accepted_strict_count,
        0 as won_strict_count

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
        cast(sum(created_count) as bigint) as created_count,
        cast(sum(responded_count) as bigint) as responded_count,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(won_count) as bigint) as won_count,
        cast(sum(lost_count) as bigint) as lost_count,
        cast(sum(open_count) as bigint) as open_count,
        cast(sum(created_strict_count) as bigint) as created_strict_count,
        cast(sum(responded_strict_count) as bigint) as responded_strict_count,
        cast(sum(accepted_strict_count) as bigint) as accepted_strict_count,
        cast(sum(won_strict_count) as bigint) as won_strict_count
    from padded
    group by
        grouping sets (
            (), (customer_market), (customer_org_size), (partner_market)
        )

)

select * from summed
where segment = 'all' or created_count > 0
