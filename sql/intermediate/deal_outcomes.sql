-- What each deal is and how it stands as of the moment asked about; deals that
-- were created later do not exist yet.
-- Grain: one row per deal_id
-- Answers: what kind of deal is it, is it open, and how did it end?
-- Columns:
--   category: marketplace lead, qualified lead or co-sell; null where its
--     fields fit none of these
--   deal_type: private (not shared with Microsoft's sellers), co-sell
--     (Microsoft was asked for help) or partner-led
--   direction: own (entered by its owner), incoming or outgoing; null if
--     unknown
--   outcome: how it ended: won, lost, declined, expired or error; null while
--     open
--   is_open: whether it has no outcome
--   is_counted: false if it was closed as an error, so that it never was a deal
--   current_stage: the furthest stage that it reached: created or accepted
--   sales_stage_percent: how far the sale has come, 10 to 100; null if unknown
--   closed_at: when it was closed, UTC; null while open or if not dated
--   expected_close_on: the day on which it is expected to close, UTC
--   has_value: whether deal_value is above 0
--   rate_month: first day of the month whose exchange rate applies
--   is_overdue: whether it is open and was expected to close on a day before
--     as_of's
--   is_accepted_by_microsoft: whether Microsoft accepted it
--   age_days: days from created to as_of; null if created is not dated
--   days_to_close: days from created to closed; null while open, if not dated,
--     or negative by more than 60 s

with deals as (

    select * from intermediate.known_deals

), undated_deals as (

    select * from intermediate.undated_deals

), dated as (

    select
        deals.*,
        nullif(trim(deals.invited_by_organization_id), '') as inviter,
        lower(coalesce(deals.qualification, 'none')) as qualified_by,
        replace(trim(deals.sales_stage), '%', '') as stage_text,
        case
            when deals.ending is not null and deals.closed_at <= deals.as_of
                then deals.closed_at
        end as ended_at,
        case
            when
                deals.closed_at is null
                and undated_deals.known_since <= deals.as_of
                then undated_deals.known_since
        end as undated_since
    from deals
    left join undated_deals on deals.deal_id = undated_deals.deal_id
    where coalesce(deals.created_at, deals.as_of) <= deals.as_of

), closed as (

    select
        *,
        case
            when
                ending = 'error'
                or ended_at is not null
                or undated_since is not null
                then ending
        end as outcome,
        date_diff('microsecond', created_at, as_of)
        / 86400000000 as age_days,
        date_diff('microsecond', created_at, ended_at)
        / 86400000000 as days_to_end
    from dated

)

select
    deal_id,
    engagement_id,
    deal_name,
    external_reference_id,
    case
        when
            lower(sharing) = 'independent'
            and qualified_by = 'direct'
            and coalesce(lower(inviter), 'msft') = 'msft'
            then 'marketplace lead'
        when
            lower(sharing) = 'independent'
            and qualified_by in ('salesqualified', 'marketingqualified')
            and lower(inviter) = 'msft'
            then 'qualified lead'
        when
            lower(sharing) in ('independent', 'shared')
            and qualified_by in ('salesqualified', 'none', '')
            and lower(inviter) <> 'msft'
            then 'co-sell'
    end as category,
    case
        when not is_shared_with_microsoft then 'private'
        when trim(assistance_request_code) <> '' then 'co-sell'
        else 'partner-led'
    end as deal_type,
    case
        when inviter = trim(organization_id) then 'own'
        else nullif(lower(trim(stated_direction)), '')
    end as direction,
    customer_name,
    customer_market,
    outcome,
    status_reason,
    outcome is null as is_open,
    coalesce(outcome <> 'error', true) as is_counted,
    case
        when accepted_at <= as_of or coalesce(outcome in ('won', 'lost'), false)
            then 'accepted'
        else 'created'
    end as current_stage,
    case
        when lower(stage_text) = 'qualify' then 20
        when lower(stage_text) = 'develop' then 40
        when lower(stage_text) = 'propose' then 60
        when lower(stage_text) = 'close' then 80
        when regexp_matches(stage_text, '^([1-9][0-9]|100)$')
            then cast(stage_text as integer)
    end as sales_stage_percent,
    created_at,
    case when accepted_at <= as_of then accepted_at end as accepted_at,
    ended_at as closed_at,
    cast(expected_close_at as date) as expected_close_on,
    deal_value,
    coalesce(deal_value > 0, false) as has_value,
    upper(nullif(trim(currency), '')) as currency,
    cast(
        date_trunc(
            'month',
            case
                when outcome is null then as_of
                else coalesce(ended_at, undated_since, as_of)
            end
        ) as date
    ) as rate_month,
    outcome is null
    and coalesce(
        cast(expected_close_at as date) < cast(as_of as date), false
    ) as is_overdue,
    updated_at,
    coalesce(trim(microsoft_msx_id), '') <> '' as is_accepted_by_microsoft,
    age_days,
    case
        when days_to_end >= cast(-60 as double) / 86400
            then greatest(days_to_end, 0)
    end as days_to_close,
    as_of
from closed
