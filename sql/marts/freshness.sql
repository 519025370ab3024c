-- How new the warehouse's knowledge is, and whether Partner Center's own counts
-- agree with it. Follows known_at, and as_of in that column alone.
-- Grain: one row
-- Answers: can these figures be trusted today?
-- Columns:
--   last_load_at: end of the newest succeeded load of what the funnel counts,
--     else of anything, UTC; a load with a filter does not count; null before
--     any
--   last_activity_at: newest milestone of any referral, not after the newest
--     load of any kind, UTC
--   referral_count: referrals in the warehouse, those no longer listed too
--   rejected_count: records that could not be read
--   server_total: referrals that Partner Center counted at that load; null if
--     not told, or if it was of something else
--   is_reconciled: whether its counts agreed with ours then; null if not
--     compared, or if it was of something else
--   as_of: the moment that the other marts answer by, UTC

with moments as (

    select * from intermediate.moments

), referrals as (

    select * from intermediate.known_referrals

), rejects as (

    select * from staging.referral_rejects

), loads as (

    select * from staging.load_runs

), source as (

    select * from intermediate.funnel_source

), activity as (

    -- A date in the future is a mistake, not news.
    select
        count(*) as referral_count,
        greatest(
            max(created_at) filter (where created_at <= last_load_at),
            max(acknowledged_at) filter (where acknowledged_at <= last_load_at),
            max(accepted_at) filter (where accepted_at <= last_load_at),
            max(won_at) filter (where won_at <= last_load_at),
            max(lost_at) filter (where lost_at <= last_load_at),
            max(declined_at) filter (where declined_at <= last_load_at),
            max(expired_at) filter (where expired_at <= last_load_at),
            max(missed_at) filter (where missed_at <= last_load_at),
            max(skipped_at) filter (where skipped_at <= last_load_at),
            max(archived_at) filter (where archived_at <= last_load_at)
        ) as last_activity_at
    from referrals

), rejected as (

    select count(*) as rejected_count
    from rejects
    cross join moments
    where moments.known_at is null or rejects.rejected_at <= moments.known_at

), last_loads as (

    -- Where the funnel's source is loaded, loads of other resources do not count.
    select
        loads.*,
        loads.resource = source.source as is_of_source,
        row_number() over (
            order by
                case when loads.resource = source.source then 0 else 1 end,
                loads.finished_at desc,
                loads.run_id desc
        ) as newness
    from loads
    cross join moments
    cross join source
    where
        loads.is_succeeded
        and loads.mode <> 'filtered'
        and (
            moments.known_at is null or loads.finished_at <= moments.known_at
        )

)

select
    last_loads.finished_at as last_load_at,
    activity.last_activity_at,
    activity.referral_count,
    rejected.rejected_count,
    case when last_loads.is_of_source then last_loads.server_total end
        as server_total,
    case when last_loads.is_of_source then last_loads.is_reconciled end
        as is_reconciled,
    moments.as_of,
    last_loads.tenant_id
from moments
cross join activity
cross join rejected
left join last_loads on last_loads.newness = 1
