-- How many referrals break each rule of data quality.
-- Grain: one row per rule

with issues as (

    select * from marts.data_quality_issues

), counted as (

    select
        rule,
        min(severity) as severity,
        count(*) as issue_count
    from issues
    group by rule

)

select
    cast(
        row_number() over (order by issue_count desc, rule) - 1 as integer
    ) as place,
    rule,
    severity,
    issue_count
from counted
qualify place < 30
order by place
