-- Each referral with the milestones that had happened as of the moment asked
-- about; those that were created later do not exist yet.
-- Grain: one row per referral_id
-- Answers: what had happened to a referral by then?
-- Columns:
--   referral_id: Partner Center's identifier, an opaque text
--   status: the status as Partner Center spelt it
--   customer_name: the customer's company
--   customer_market: the customer's country or region
--   customer_org_size: the customer's size, on one of two scales
--   partner_market: the country or region of the partner who got it
--   created_at: when the referral was created, UTC
--   acknowledged_at: when the partner acknowledged it, UTC
--   accepted_at: when the partner accepted it, UTC
--   won_at: when the deal was won, UTC
--   lost_at: when the deal was lost, UTC
--   declined_at: when the partner declined it, UTC
--   expired_at: when it expired for want of an acceptance, UTC
--   missed_at: when it was missed for want of an acknowledgement, UTC
--   skipped_at: when the partner skipped it, UTC
--   archived_at: when it was filed away, UTC
--   is_listed: false once Partner Center no longer listed the referral
--   valid_from: when the warehouse first saw this version, UTC
--   is_error: whether it was closed as an error, so that it never was a referral
--   terminal_status: the ending that the status names, in lower case; null if
--     none
--   terminal_status_at: the date of that ending, UTC; null if missing or not
--     yet come
--   undated_since: from when a status that names an ending without its date
--     closes the referral, UTC; null if that had not come
--   as_of: the moment that these facts hold for, UTC

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
    referral_id,
    status,
    customer_name,
    customer_market,
    customer_org_size,
    partner_market,
    created_at,
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
    is_listed,
    valid_from,
    is_error,
    terminal_status,
    case
        when terminal_status_at <= as_of then terminal_status_at
    end as terminal_status_at,
    case when undated_since <= as_of then undated_since end as undated_since,
    as_of
from joined
