-- Referrals with a date after the last load; whatever as_of is, these had not
-- happened when Partner Center told us.
-- Grain: one row per referral_id, rule
-- Answers: which referrals have dates that lie in the future?
-- Columns:
--   rule: which rule it breaks
--   severity: error: the figures are wrong for it; warning: they may be; info:
--     worth knowing
--   details: what was seen, a sentence

with referrals as (

    select * from intermediate.known_referrals

), judged as (

    select
        *,
        last_load_at + interval 60 second as latest_at
    from referrals

)

select
    referral_id,
    'date_in_the_future' as rule,
    'error' as severity,
    concat(
        'Loaded at ',
        cast(last_load_at as varchar),
        ', but dated later: ',
        concat_ws(
            ', ',
            case when created_at > latest_at then 'created_at' end,
            case
                when acknowledged_at > latest_at
                    then 'acknowledged_at'
            end,
            case when accepted_at > latest_at then 'accepted_at' end,
            case when won_at > latest_at then 'won_at' end,
            case when lost_at > latest_at then 'lost_at' end,
            case when declined_at > latest_at then 'declined_at' end,
            case when expired_at > latest_at then 'expired_at' end,
            case when missed_at > latest_at then 'missed_at' end,
            case when skipped_at > latest_at then 'skipped_at' end,
            case when archived_at > latest_at then 'archived_at' end
        ),
        '.'
    ) as details
from judged
where
    greatest(
        created_at,
        acknowledged_at,
        accepted_at,
        won_at,
        lost_at,
        declined_at,
        expired_at,
        missed_at,
        skipped_at,
        archived_at
    ) > latest_at
