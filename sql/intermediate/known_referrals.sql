-- The version of each referral that answers: the current one, or the one that
-- was current at known_at. Dates are as Partner Center gave them, the ones
-- after as_of too.
-- Grain: one row per referral_id
-- Answers: what does the warehouse know of a referral?
-- Columns:
--   is_error: whether it was closed as an error, so that it never was a
--     referral
--   exists_as_of: whether it had been created by as_of, as far as is known
--   terminal_status: the ending that the status names, in lower case; null if
--     none
--   terminal_status_at: the date of that ending, UTC; null if missing

with versions as (

    select * from intermediate.known_versions

)

select
    *,
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
where replaced_at is null
