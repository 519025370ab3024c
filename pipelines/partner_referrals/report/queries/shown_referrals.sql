-- Every referral with the segments that it belongs to, and the bars of the
-- duration charts that it stands in: how many edges it took longer than.
-- Grain: one row per referral_id

with referrals as (

    select * from marts.referrals
    where is_counted

), segments as (

    select * from temp.shown_segments

), edges as (

    select list(edge_hours / 24.0) as edges_days
    from temp.duration_edges

)

select
    referrals.referral_id,
    referrals.customer_name,
    referrals.customer_market,
    referrals.created_at,
    referrals.won_at,
    referrals.lost_at,
    referrals.is_open,
    referrals.closed_at,
    referrals.is_accepted_at_creation,
    list_filter(
        [
            everyone.segment_id,
            customer_markets.segment_id,
            partner_markets.segment_id,
            org_sizes.segment_id
        ],
        lambda segment_id: segment_id is not null
    ) as segment_ids,
    case
        when referrals.days_to_respond is not null
            then
                len(
                    list_filter(
                        edges.edges_days,
                        lambda edge: referrals.days_to_respond > edge
                    )
                )
    end as responded_bin,
    case
        when referrals.days_to_accept is not null
            then
                len(
                    list_filter(
                        edges.edges_days,
                        lambda edge: referrals.days_to_accept > edge
                    )
                )
    end as accepted_bin
from referrals
cross join edges
inner join segments as everyone on everyone.segment = 'all'
left join segments as customer_markets
    on
        customer_markets.segment = 'customer_market'
        and referrals.customer_market
        is not distinct from customer_markets.segment_value
left join segments as partner_markets
    on
        partner_markets.segment = 'partner_market'
        and referrals.partner_market
        is not distinct from partner_markets.segment_value
left join segments as org_sizes
    on
        org_sizes.segment = 'customer_org_size'
        and referrals.customer_org_size
        is not distinct from org_sizes.segment_value
