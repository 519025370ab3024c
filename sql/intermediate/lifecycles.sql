-- What forecasts need to know of an item that may be won: the moments at which
-- it came, moved on, closed and counted as won. Whatever is asked as of an
-- earlier moment follows from them alone, without anything that came later.
-- Grain: one row per source, item_id
-- Answers: was an item open at a moment, in which stage, and was it won later?
-- Columns:
--   source: where it comes from: referrals, or engagements
--   item_id: identifier in that source
--   created_at: when it was created, UTC; null if unknown
--   accepted_at: when the partner accepted it, UTC; null if not
--   closed_at: first moment at which it was not open any more, UTC; null if open
--   won_at: from when on it counted as won, UTC; null if it did not
--   won_until: from when on it did not count as won any more, UTC; null if it
--     still does
--   deal_value: what winning it is worth, in its currency; null if unknown, and
--     for referrals
--   value_usd: that in US dollars at the rate of the month of closing, or of
--     as_of while open; null without a rate

with referrals as (

    select
        *,
        least(
            won_at, lost_at, declined_at, expired_at, missed_at, skipped_at
        ) as terminal_at
    from intermediate.referral_milestones
    where not is_error

), funnel as (

    select * from intermediate.funnel_source

), deals as (

    select * from intermediate.valued_deals
    where is_counted

), undated_deals as (

    select * from intermediate.undated_deals

), versions as (

    select * from intermediate.known_versions

), undated as (

    select
        referral_id,
        terminal_status
    from referrals
    where undated_since is not null

), runs as (

    -- The versions of these, each with the last one of another status.
    select
        undated.referral_id,
        versions.valid_from,
        max(
            case
                when
                    lower(versions.status)
                    is distinct from undated.terminal_status
                    then versions.valid_from
            end
        ) over (partition by undated.referral_id) as last_other_from
    from undated
    inner join versions on undated.referral_id = versions.referral_id

), known as (

    select
        referral_id,
        min(valid_from) as known_since
    from runs
    where last_other_from is null or valid_from > last_other_from
    group by referral_id

)

select
    'referrals' as source,
    referrals.referral_id as item_id,
    referrals.created_at,
    referrals.accepted_at,
    least(
        referrals.terminal_at, referrals.archived_at, known.known_since
    ) as closed_at,
    -- The ending that the status names counts from its date on; until then the
    -- earliest date does, and before any date a status without one.
    case
        when referrals.terminal_status_at is not null
            and referrals.terminal_status = 'won'
            then referrals.won_at
        when referrals.won_at = referrals.terminal_at then referrals.won_at
        when
            referrals.terminal_status = 'won'
            and (
                known.known_since < referrals.terminal_at
                or referrals.terminal_at is null
            )
            then known.known_since
    end as won_at,
    case
        when referrals.terminal_status = 'won'
            then case
                when referrals.terminal_status_at is null
                    then referrals.terminal_at
            end
        else referrals.terminal_status_at
    end as won_until,
    cast(null as double) as deal_value,
    cast(null as varchar) as currency,
    cast(null as double) as value_usd,
    referrals.as_of
from referrals
-- Where the funnel counts deals, they stand below alone.
inner join funnel on funnel.source = 'referrals'
left join known on referrals.referral_id = known.referral_id
union all
select
    'engagements' as source,
    deals.deal_id as item_id,
    deals.created_at,
    deals.accepted_at,
    coalesce(deals.closed_at, closed.known_since) as closed_at,
    case
        when deals.outcome = 'won'
            then coalesce(deals.closed_at, closed.known_since)
    end as won_at,
    cast(null as timestamp) as won_until,
    case when deals.has_value then cast(deals.deal_value as double) end
        as deal_value,
    deals.currency,
    deals.deal_value_usd as value_usd,
    deals.as_of
from deals
left join undated_deals as closed
    on deals.deal_id = closed.deal_id and not deals.is_open
