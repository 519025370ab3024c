-- Referrals whose status contradicts their dates, or whose status or size is
-- not documented. The status is the latest known, so dates after as_of count.
-- Grain: one row per referral_id, rule
-- Answers: which referrals have a status or size that we cannot rely on?
-- Columns:
--   rule: which rule it breaks
--   severity: error: the figures are wrong for it; warning: they may be; info:
--     worth knowing
--   details: what was seen, a sentence

with referrals as (

    select * from intermediate.known_referrals

), org_sizes as (

    select * from intermediate.org_sizes

), statuses as (

    select status_key
    from (
        values
            ('new'),
            ('acknowledged'),
            ('accepted'),
            ('won'),
            ('lost'),
            ('declined'),
            ('expired'),
            ('missed'),
            ('skipped'),
            ('archived'),
            ('error')
    ) as statuses (status_key)

), existing as (

    select
        referrals.*,
        coalesce(lower(referrals.status), '') as status_key,
        coalesce(
            referrals.won_at,
            referrals.lost_at,
            referrals.declined_at,
            referrals.expired_at,
            referrals.missed_at,
            referrals.skipped_at
        ) is not null as is_ended
    from referrals
    where referrals.exists_as_of

), judged as (

    select
        existing.*,
        statuses.status_key is null as has_unknown_status,
        existing.customer_org_size is not null
        and org_sizes.customer_org_size is null as has_unknown_size,
        case
            when existing.terminal_status is not null
                then existing.terminal_status_at is null and existing.is_ended
            when existing.status_key = 'new'
                then
                    existing.is_ended
                    or existing.acknowledged_at is not null
                    or existing.accepted_at is not null
            when existing.status_key = 'acknowledged'
                then
                    existing.is_ended
                    or existing.acknowledged_at is null
                    or existing.accepted_at is not null
            when existing.status_key = 'accepted'
                then existing.is_ended or existing.accepted_at is null
            when existing.status_key = 'archived'
                then existing.archived_at is null
            else false
        end as contradicts_dates
    from existing
    left join statuses on existing.status_key = statuses.status_key
    left join org_sizes
        on existing.customer_org_size = org_sizes.customer_org_size

), suspects as (

    select * from judged
    where
        has_unknown_status
        or has_unknown_size
        or contradicts_dates
        or is_error

), rules as (

    select
        rule,
        severity
    from (
        values
            ('status_contradicts_dates', 'warning'),
            ('unknown_status', 'warning'),
            ('unknown_org_size', 'info'),
            ('closed_as_error', 'info')
    ) as rules (rule, severity)

)

select
    suspects.referral_id,
    rules.rule,
    rules.severity,
    case rules.rule
        when 'status_contradicts_dates'
            then concat(
                'The status is ',
                status,
                ', but the dates that are set are: ',
                concat_ws(
                    ', ',
                    case
                        when acknowledged_at is not null
                            then 'acknowledged_at'
                    end,
                    case when accepted_at is not null then 'accepted_at' end,
                    case when won_at is not null then 'won_at' end,
                    case when lost_at is not null then 'lost_at' end,
                    case when declined_at is not null then 'declined_at' end,
                    case when expired_at is not null then 'expired_at' end,
                    case when missed_at is not null then 'missed_at' end,
                    case when skipped_at is not null then 'skipped_at' end,
                    case when archived_at is not null then 'archived_at' end
                ),
                '.'
            )
        when 'unknown_status'
            then case
                when status_key = '' then 'It has no status.'
                else concat(
                    'The status ', status, ' is none of those documented.'
                )
            end
        when 'closed_as_error'
            then 'It was closed as an error, so it counts nowhere.'
        when 'unknown_org_size'
            then concat(
                'The size ', customer_org_size, ' is none of those documented.'
            )
    end as details
from suspects
cross join rules
where
    case rules.rule
        when 'status_contradicts_dates' then contradicts_dates
        when 'unknown_status' then has_unknown_status
        when 'unknown_org_size' then has_unknown_size
        when 'closed_as_error' then is_error
    end
