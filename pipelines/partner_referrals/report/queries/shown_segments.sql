-- The segment values that can be chosen in the report: the 20 with the most
-- referrals of each segment.
-- Grain: one row per segment_id

with win_rates as (

    select * from marts.win_rates

), org_sizes as (

    select * from intermediate.org_sizes

), ranked as (

    select
        *,
        row_number() over (
            partition by segment
            order by created_count desc, segment_value
        ) as place,
        count(*) over (partition by segment) as value_count
    from win_rates

)

select
    row_number() over (
        order by
            ranked.segment,
            -- Sizes from small to large, all else from many to few.
            case
                when ranked.segment = 'customer_org_size'
                    then org_sizes.sort_order
            end nulls last,
            ranked.place
    )
    - 1 as segment_id,
    ranked.segment,
    ranked.segment_value,
    ranked.value_count,
    ranked.created_count,
    ranked.won_count,
    ranked.lost_count,
    ranked.win_rate,
    ranked.win_rate_low,
    ranked.win_rate_high,
    ranked.accepted_win_rate,
    ranked.conversion_rate
from ranked
left join org_sizes on ranked.segment_value = org_sizes.customer_org_size
where ranked.place <= 20
