-- Whether each referral was responded to in time, by every rule that applies to
-- it. Left out are referrals without a creation date, with a response before
-- it, and those accepted at creation, which nobody had to respond to.
-- Grain: one row per referral_id, rule
-- Answers: which referrals broke a deadline, and which are about to?
-- Columns:
--   rule: name of the rule in settings.sla_rules
--   responded_at: first sign of the partner, UTC; null if none
--   state: met; breached: responded later, closed without, or unanswered past
--     due_at; else pending

with response_states as (

    select * from intermediate.response_states

)

select
    referral_id,
    rule,
    due_at,
    responded_at,
    state
from response_states
