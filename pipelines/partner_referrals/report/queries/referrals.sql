-- The referrals that the page counts, searches and lists: the open ones first,
-- then the newest.
-- Grain: one row per referral_id

with referrals as (

    select * from marts.referrals

), open_referrals as (

    select * from marts.open_referrals

), rules as (

    select * from temp.rules

), issue_rules as (

    select * from temp.issue_rules

), answers as (

    -- Two bits a rule: 1 met, 2 breached, 3 pending.
    select
        response_sla.referral_id,
        cast(
            sum(
                case response_sla.state
                    when 'met' then 1
                    when 'breached' then 2
                    else 3
                end << (2 * rules.place)
            ) as integer
        ) as answers
    from marts.response_sla
    inner join rules on response_sla.rule = rules.rule
    group by response_sla.referral_id

), issues as (

    -- A bit a rule.
    select
        data_quality_issues.referral_id,
        cast(bit_or(1 << issue_rules.place) as integer) as issues
    from marts.data_quality_issues
    inner join issue_rules on data_quality_issues.rule = issue_rules.rule
    group by data_quality_issues.referral_id

), forecast_items as (

    select * from temp.forecast_items
    where source = 'referrals'

)

select
    referrals.referral_id,
    referrals.customer_name,
    referrals.customer_market,
    referrals.partner_market,
    referrals.customer_org_size,
    case
        when referrals.is_accepted_at_creation then 'own' else 'incoming'
    end as origin,
    referrals.furthest_stage,
    referrals.outcome,
    cast(referrals.created_at as date) as created_on,
    cast(referrals.accepted_at as date) as accepted_on,
    cast(referrals.closed_at as date) as closed_on,
    whole_seconds(referrals.days_to_respond) as respond_seconds,
    whole_seconds(referrals.days_to_accept) as accept_seconds,
    whole_seconds(
        case
            when referrals.is_open
                then date_diff(
                    'microsecond', referrals.created_at, moment.as_of
                ) / 86400000000
            else referrals.days_to_close
        end
    ) as age_seconds,
    open_referrals.expires_at,
    open_referrals.stage_entered_at,
    open_referrals.age_percentile,
    open_referrals.answer_due_at,
    answers.answers,
    issues.issues,
    forecast_items.state as forecast_state
from referrals
cross join temp.moment as moment
left join open_referrals
    on referrals.referral_id = open_referrals.referral_id
left join answers on referrals.referral_id = answers.referral_id
left join issues on referrals.referral_id = issues.referral_id
left join forecast_items on referrals.referral_id = forecast_items.item_id
-- What was closed as an error never was a referral.
where referrals.is_counted
order by
    referrals.is_open desc,
    referrals.created_at desc nulls last,
    referrals.referral_id
