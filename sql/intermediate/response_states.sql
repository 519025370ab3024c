-- Whether each referral was responded to in time, by every rule that applies.
-- Grain: one row per referral_id, rule
-- Answers: which deadlines were met, and which are still running?
-- Columns:
--   referral_id: Partner Center's identifier, an opaque text
--   rule: name of the rule
--   created_at: when the referral was created, UTC
--   due_at: until when to respond, UTC
--   responded_at: first sign of the partner: acknowledged, accepted, declined,
--     skipped, won or lost, UTC
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
