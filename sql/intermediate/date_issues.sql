-- Referrals whose dates cannot all be right, as of the moment asked about.
-- Clocks may differ by 60 seconds.
-- Grain: one row per referral_id, rule
-- Answers: which referrals have dates in an order that cannot be?
-- Columns:
--   rule: which rule it breaks
--   severity: error: the figures are wrong for it; warning: they may be; info:
--     worth knowing
--   details: what was seen, a sentence

with referrals as (

    select * from intermediate.referral_milestones

), bounded as (

    select
        *,
        created_at - interval 60 second as earliest_at,
        least(
            won_at, lost_at, declined_at, expired_at, missed_at, skipped_at
        ) as terminal_at,
        -- How many of the six are set.
        case when won_at is null then 0 else 1 end
        + case when lost_at is null then 0 else 1 end
        + case when declined_at is null then 0 else 1 end
        + case when expired_at is null then 0 else 1 end
        + case when missed_at is null then 0 else 1 end
        + case when skipped_at is null then 0 else 1 end
            as terminal_count
    from referrals

), judged as (

    select
        *,
        created_at is null as misses_creation,
        coalesce(
            least(
                created_at,
                acknowledged_at,
                accepted_at,
                terminal_at,
                archived_at
            ) < timestamp '1990-01-01',
            false
        ) as precedes_1990,
        coalesce(
            least(
                acknowledged_at, accepted_at, terminal_at, archived_at
            ) < earliest_at,
            false
        ) as precedes_creation,
        coalesce(
            accepted_at < acknowledged_at - interval 60 second, false
        ) as accepts_too_early,
        coalesce(
            terminal_at < accepted_at - interval 60 second, false
        ) as ends_too_early,
        terminal_count > 1 as ends_repeatedly,
        undated_since is not null as ends_undated
    from bounded

), suspects as (

    select * from judged
    where
        misses_creation
        or precedes_1990
        or precedes_creation
        or accepts_too_early
        or ends_too_early
        or ends_repeatedly
        or ends_undated

), rules as (

    select
        rule,
        severity
    from (
        values
            ('terminal_without_date', 'warning'),
            ('missing_created_date', 'error'),
            ('date_before_1990', 'error'),
            ('milestone_before_creation', 'warning'),
            ('accepted_before_acknowledged', 'warning'),
            ('terminal_before_accepted', 'warning'),
            ('several_terminal_dates', 'warning')
    ) as rules (rule, severity)

)

select
    suspects.referral_id,
    rules.rule,
    rules.severity,
    case rules.rule
        when 'terminal_without_date'
            then 'The status says that it ended, but not when.'
        when 'missing_created_date'
            then 'It has no created date, so it is in no cohort and curve.'
        when 'date_before_1990'
            then 'It has a date before 1990, which must be a mistake.'
        when 'milestone_before_creation'
            then concat(
                'Created at ',
                cast(created_at as varchar),
                ', but before that: ',
                concat_ws(
                    ', ',
                    case
                        when acknowledged_at < earliest_at
                            then 'acknowledged_at'
                    end,
                    case when accepted_at < earliest_at then 'accepted_at' end,
                    case when won_at < earliest_at then 'won_at' end,
                    case when lost_at < earliest_at then 'lost_at' end,
                    case when declined_at < earliest_at then 'declined_at' end,
                    case when expired_at < earliest_at then 'expired_at' end,
                    case when missed_at < earliest_at then 'missed_at' end,
                    case when skipped_at < earliest_at then 'skipped_at' end,
                    case when archived_at < earliest_at then 'archived_at' end
                ),
                '.'
            )
        when 'accepted_before_acknowledged'
            then concat(
                'Accepted at ',
                cast(accepted_at as varchar),
                ', but acknowledged only at ',
                cast(acknowledged_at as varchar),
                '.'
            )
        when 'terminal_before_accepted'
            then concat(
                'Accepted at ',
                cast(accepted_at as varchar),
                ', but ended at ',
                cast(terminal_at as varchar),
                '.'
            )
        when 'several_terminal_dates'
            then concat(
                'It ended more than once: ',
                concat_ws(
                    ', ',
                    case when won_at is not null then 'won_at' end,
                    case when lost_at is not null then 'lost_at' end,
                    case when declined_at is not null then 'declined_at' end,
                    case when expired_at is not null then 'expired_at' end,
                    case when missed_at is not null then 'missed_at' end,
                    case when skipped_at is not null then 'skipped_at' end
                ),
                '.'
            )
    end as details
from suspects
cross join rules
where
    case rules.rule
        when 'terminal_without_date' then ends_undated
        when 'missing_created_date' then misses_creation
        when 'date_before_1990' then precedes_1990
        when 'milestone_before_creation' then precedes_creation
        when 'accepted_before_acknowledged' then accepts_too_early
        when 'terminal_before_accepted' then ends_too_early
        when 'several_terminal_dates' then ends_repeatedly
    end
