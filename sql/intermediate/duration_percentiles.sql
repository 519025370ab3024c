-- Durations of each step summed up for all and for each segment value.
-- Grain: one row per segment, segment_value
-- Answers: how long does a step take, as a median and in slow cases?
-- Columns:
--   segment: all, customer_market, customer_org_size or partner_market
--   segment_value: value of that field, null where it is null; all for all
--   referral_count: referrals, also those without any duration
--   created_to_acknowledged_count: referrals with a duration from created to
--     acknowledged
--   created_to_acknowledged_mean: its mean, days
--   created_to_acknowledged_percentiles: its 50th, 75th, 90th and 95th
--     percentile, days
--   created_to_responded_count: referrals with a duration from created to
--     responded
--   created_to_responded_mean: its mean, days
--   created_to_responded_percentiles: its 50th, 75th, 90th and 95th percentile,
--     days
--   created_to_accepted_count: referrals with a duration from created to
--     accepted
--   created_to_accepted_mean: its mean, days
--   created_to_accepted_percentiles: its 50th, 75th, 90th and 95th percentile,
--     days
--   acknowledged_to_accepted_count: referrals with a duration from acknowledged
--     to accepted
--   acknowledged_to_accepted_mean: its mean, days
--   acknowledged_to_accepted_percentiles: its 50th, 75th, 90th and 95th
--     percentile, days
--   accepted_to_won_count: referrals with a duration from accepted to won
--   accepted_to_won_mean: its mean, days
--   accepted_to_won_percentiles: its 50th, 75th, 90th and 95th percentile, days
--   accepted_to_lost_count: referrals with a duration from accepted to lost
--   accepted_to_lost_mean: its mean, days
--   accepted_to_lost_percentiles: its 50th, 75th, 90th and 95th percentile,
--     days
--   created_to_won_count: referrals with a duration from created to won
--   created_to_won_mean: its mean, days
--   created_to_won_percentiles: its 50th, 75th, 90th and 95th percentile, days
--   created_to_declined_count: referrals with a duration from created to
--     declined
--   created_to_declined_mean: its mean, days
--   created_to_declined_percentiles: its 50th, 75th, 90th and 95th percentile,
--     days
--   created_to_expired_count: referrals with a duration from created to expired
--   created_to_expired_mean: its mean, days
--   created_to_expired_percentiles: its 50th, 75th, 90th and 95th percentile,
--     days
--   created_to_closed_count: referrals with a duration from created to closed
--   created_to_closed_mean: its mean, days
--   created_to_closed_percentiles: its 50th, 75th, 90th and 95th percentile,
--     days

with referrals as (

    select * from intermediate.referral_durations
    where is_counted

), padded as (

    -- Spark gives no total of an empty table; this row counts nothing.
    select
        referral_id,
        customer_market,
        customer_org_size,
        partner_market,
        created_to_acknowledged_days,
        created_to_responded_days,
        created_to_accepted_days,
        acknowledged_to_accepted_days,
        accepted_to_won_days,
        accepted_to_lost_days,
        created_to_won_days,
        created_to_declined_days,
        created_to_expired_days,
        created_to_closed_days
    from referrals
    union all
    select
        null as referral_id,
        null as customer_market,
        null as customer_org_size,
        null as partner_market,
        null as created_to_acknowledged_days,
        null as created_to_responded_days,
        null as created_to_accepted_days,
        null as acknowledged_to_accepted_days,
        null as accepted_to_won_days,
        null as accepted_to_lost_days,
        null as created_to_won_days,
        null as created_to_declined_days,
        null as created_to_expired_days,
        null as created_to_closed_days

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
        count(referral_id) as referral_count,
        count(created_to_acknowledged_days) as created_to_acknowledged_count,
        avg(created_to_acknowledged_days) as created_to_acknowledged_mean,
        quantile_cont(
            created_to_acknowledged_days, [0.5, 0.75, 0.9, 0.95]
        ) as created_to_acknowledged_percentiles,
        count(created_to_responded_days) as created_to_responded_count,
        avg(created_to_responded_days) as created_to_responded_mean,
        quantile_cont(
            created_to_responded_days, [0.5, 0.75, 0.9, 0.95]
        ) as created_to_responded_percentiles,
        count(created_to_accepted_days) as created_to_accepted_count,
        avg(created_to_accepted_days) as created_to_accepted_mean,
        quantile_cont(
            created_to_accepted_days, [0.5, 0.75, 0.9, 0.95]
        ) as created_to_accepted_percentiles,
        count(acknowledged_to_accepted_days) as acknowledged_to_accepted_count,
        avg(acknowledged_to_accepted_days) as acknowledged_to_accepted_mean,
        quantile_cont(
            acknowledged_to_accepted_days, [0.5, 0.75, 0.9, 0.95]
        ) as acknowledged_to_accepted_percentiles,
        count(accepted_to_won_days) as accepted_to_won_count,
        avg(accepted_to_won_days) as accepted_to_won_mean,
        quantile_cont(
            accepted_to_won_days, [0.5, 0.75, 0.9, 0.95]
        ) as accepted_to_won_percentiles,
        count(accepted_to_lost_days) as accepted_to_lost_count,
        avg(accepted_to_lost_days) as accepted_to_lost_mean,
        quantile_cont(
            accepted_to_lost_days, [0.5, 0.75, 0.9, 0.95]
        ) as accepted_to_lost_percentiles,
        count(created_to_won_days) as created_to_won_count,
        avg(created_to_won_days) as created_to_won_mean,
        quantile_cont(
            created_to_won_days, [0.5, 0.75, 0.9, 0.95]
        ) as created_to_won_percentiles,
        count(created_to_declined_days) as created_to_declined_count,
        avg(created_to_declined_days) as created_to_declined_mean,
        quantile_cont(
            created_to_declined_days, [0.5, 0.75, 0.9, 0.95]
        ) as created_to_declined_percentiles,
        count(created_to_expired_days) as created_to_expired_count,
        avg(created_to_expired_days) as created_to_expired_mean,
        quantile_cont(
            created_to_expired_days, [0.5, 0.75, 0.9, 0.95]
        ) as created_to_expired_percentiles,
        count(created_to_closed_days) as created_to_closed_count,
        avg(created_to_closed_days) as created_to_closed_mean,
        quantile_cont(
            created_to_closed_days, [0.5, 0.75, 0.9, 0.95]
        ) as created_to_closed_percentiles
    from padded
    group by
        grouping sets (
            (), (customer_market), (customer_org_size), (partner_market)
        )

)

select * from summed
where segment = 'all' or referral_count > 0
