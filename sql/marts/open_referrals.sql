-- Referrals that are still open, where they stand and since when.
-- Grain: one row per referral_id
-- Answers: which referrals should we act on first?
-- Columns:
--   current_stage: the last of created, responded, accepted that it reached
--   days_open: days since its creation; null if that is undated
--   days_in_stage: days since stage_entered_at
--   expires_at: when it expires unless it is taken further, UTC; null once
--     accepted
--   age_percentile: share of closed referrals that closed sooner after
--     creation, 0 to 1; for an accepted one, of the accepted ones; null if
--     none closed
--   answer_due_at: the earliest deadline of response_sla that is still pending,
--     UTC; null without one

with referrals as (

    select * from intermediate.open_ages

), response_states as (

    select * from intermediate.response_states

), answers as (

    select
        referral_id,
        min(due_at) as answer_due_at
    from response_states
    where state = 'pending'
    group by referral_id

)

select
    referrals.referral_id,
    furthest_stage as current_stage,
    stage_entered_at,
    created_to_as_of_days as days_open,
    stage_to_as_of_days as days_in_stage,
    case
        when furthest_stage = 'accepted' then null
        -- From 2019 on a referral expires after 14 days without acceptance;
        -- before, acknowledging it within 72 hours gave it 7 days more.
        when created_at >= timestamp '2019-01-17'
            then created_at + interval 14 day
        when created_at is null then null
        when acknowledged_at is not null then acknowledged_at + interval 7 day
        else created_at + interval 72 hour
    end as expires_at,
    sooner_closed_count / nullif(closed_count, 0) as age_percentile,
    answers.answer_due_at
from referrals
left join answers on referrals.referral_id = answers.referral_id
