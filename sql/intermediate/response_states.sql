-- Whether each referral was responded to in time, by every rule that applies.
-- Grain: one row per referral_id, rule
-- Answers: which deadlines were met, and which are still running?
-- Columns:
--   state: met, breached or pending

with deadlines as (

    select * from intermediate.response_deadlines

)

select
    referral_id,
    rule,
    created_at,
    due_at,
    responded_at,
    case
        when responded_at <= due_at then 'met'
        when responded_at > due_at or not is_open or as_of > due_at
            then 'breached'
        else 'pending'
    end as state
from deadlines
