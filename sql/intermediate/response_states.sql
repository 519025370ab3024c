-- Whether each referral was responded to in time, by every rule that applies.
-- Grain: one row per referral_id, rule
-- Answers: which deadlines were met, and which are still running?
-- Columns:
--   due_at: until when to respond, UTC
--   state: met, breached or pending

with referrals as (

    select * from intermediate.referral_outcomes
    where is_counted

), sla_rules as (

    select * from staging.sla_rules

), deadlines as (

    select
        referrals.referral_id,
        sla_rules.rule,
        referrals.created_at,
        referrals.created_at
        + sla_rules.limit_hours * interval 1 hour as due_at,
        referrals.responded_at,
        referrals.is_open,
        referrals.as_of
    from referrals
    inner join sla_rules
        on
            referrals.created_at
            >= coalesce(sla_rules.applies_from, referrals.created_at)
            and (
                sla_rules.applies_to is null
                or referrals.created_at < sla_rules.applies_to
            )
    where
        not referrals.is_accepted_at_creation
        and coalesce(
            referrals.responded_at >= referrals.created_at - interval 60 second,
            true
        )

)

select
    *,
    case
        when responded_at <= due_at then 'met'
        when responded_at > due_at or not is_open or as_of > due_at
            then 'breached'
        else 'pending'
    end as state
from deadlines
