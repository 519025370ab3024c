-- What looks wrong in single referrals, so that it can be corrected at the
-- source. Only those closed as an error are left out of the figures for it.
-- Grain: one row per referral_id, rule
-- Answers: which referrals should somebody look at, and why?

with date_issues as (

    select * from intermediate.date_issues

), future_issues as (

    select * from intermediate.future_issues

), status_issues as (

    select * from intermediate.status_issues

), history_issues as (

    select * from intermediate.history_issues

)

select * from date_issues
union all
select * from future_issues
union all
select * from status_issues
union all
select * from history_issues
