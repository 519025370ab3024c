-- How many referrals break each rule of data quality. Those that do not exist
-- at the moment of the report count for all referrals alone.
-- Grain: one row per segment_id, rule

with issues as (

    select * from marts.data_quality_issues

), referrals as (

    select * from temp.shown_referrals

), segments as (

    select * from temp.shown_segments

), counted as (

    select
        coalesce(referrals.segment_ids, [everyone.segment_id]) as segment_ids,
        issues.rule,
        issues.severity,
        count(*) as issue_count
    from issues
    inner join segments as everyone on everyone.segment = 'all'
    left join referrals on issues.referral_id = referrals.referral_id
    group by all

), segment_issues as (

    select
        * exclude (segment_ids),
        unnest(segment_ids) as segment_id
    from counted

)

select
    segment_id,
    rule,
    severity,
    cast(sum(issue_count) as bigint) as issue_count
from segment_issues
group by all
order by segment_id, issue_count desc, rule
