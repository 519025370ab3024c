-- Each referral with the milestones that had happened as of the moment asked
-- about; those that were created later do not exist yet.
-- Grain: one row per referral_id
-- Answers: what had happened to a referral by then?
-- Columns:
--   terminal_status_at: the date of that ending, UTC; null if missing or not
--     yet come
--   undated_since: from when a status that names an ending without its date
--     closes the referral, UTC; null if that had not come

with referrals as (

    select * from intermediate.known_referrals

), undated_closings as (

    select * from intermediate.undated_closings

), joined as (

    select
        referrals.*,
        case
            when
                referrals.terminal_status is not null
                and referrals.terminal_status_at is null
                then coalesce(
                    undated_closings.known_since, referrals.valid_from
                )
        end as undated_since
    from referrals
    left join undated_closings
        on referrals.referral_id = undated_closings.referral_id
    where referrals.exists_as_of

)

select
    * exclude (exists_as_of) replace (
        case
            when acknowledged_at <= as_of then acknowledged_at
        end as acknowledged_at,
        case when accepted_at <= as_of then accepted_at end as accepted_at,
        case when won_at <= as_of then won_at end as won_at,
        case when lost_at <= as_of then lost_at end as lost_at,
        case when declined_at <= as_of then declined_at end as declined_at,
        case when expired_at <= as_of then expired_at end as expired_at,
        case when missed_at <= as_of then missed_at end as missed_at,
        case when skipped_at <= as_of then skipped_at end as skipped_at,
        case when archived_at <= as_of then archived_at end as archived_at,
        case
            when terminal_status_at <= as_of then terminal_status_at
        end as terminal_status_at,
        case when undated_since <= as_of then undated_since end as undated_since
    )
from joined
