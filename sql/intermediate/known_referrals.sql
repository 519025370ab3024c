-- The version of each referral that answers: the current one, or the one that
-- was current at known_at. Dates are as Partner Center gave them, the ones
-- after as_of too.
-- Grain: one row per referral_id
-- Answers: what does the warehouse know of a referral?
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
--   as_of: the moment that these facts hold for, UTC
--   last_load_at: end of the newest succeeded load by then, UTC
--   is_error: whether it was closed as an error, so that it never was a referral
--   exists_as_of: whether it had been created by as_of, as far as is known
--   terminal_status: the ending that the status names, in lower case; null if
--     none
--   terminal_status_at: the date of that ending, UTC; null if missing

with versions as (

    select * from intermediate.known_versions

)

select
    referral_id,
    status,
    customer_name,
    customer_market,
    customer_org_size,
    partner_market,
    created_at,
    acknowledged_at,
    accepted_at,
    won_at,
    lost_at,
    declined_at,
    expired_at,
    missed_at,
    skipped_at,
    archived_at,
    is_listed,
    valid_from,
    as_of,
    last_load_at,
    coalesce(lower(status) = 'error', false) as is_error,
    coalesce(coalesce(created_at, as_of) <= as_of, false) as exists_as_of,
    case lower(status)
        when 'won' then 'won'
        when 'lost' then 'lost'
        when 'declined' then 'declined'
        when 'expired' then 'expired'
        when 'missed' then 'missed'
        when 'skipped' then 'skipped'
    end as terminal_status,
    case lower(status)
        when 'won' then won_at
        when 'lost' then lost_at
        when 'declined' then declined_at
        when 'expired' then expired_at
        when 'missed' then missed_at
        when 'skipped' then skipped_at
    end as terminal_status_at
from versions
where valid_to is null
