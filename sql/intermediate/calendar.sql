-- Every day from the first milestone that was ever seen to the day of as_of.
-- Grain: one row per day
-- Answers: which days are there to tell about?
-- Columns:
--   day: calendar day, UTC

with versions as (

    select * from staging.referral_versions

), moments as (

    select * from intermediate.moments

), firsts as (

    select
        least(
            min(created_at),
            min(acknowledged_at),
            min(accepted_at),
            min(won_at),
            min(lost_at),
            min(declined_at),
            min(expired_at),
            min(missed_at),
            min(skipped_at),
            min(archived_at)
        ) as first_at
    from versions

), bounds as (

    select
        cast(firsts.first_at as date) as first_day,
        cast(moments.as_of as date) as last_day
    from firsts
    cross join moments

), days as (

    select unnest(generate_series(first_day, last_day, interval 1 day)) as day
    from bounds
    -- Spark refuses a series that ends before it begins.
    where first_day <= last_day

)

select cast(day as date) as day
from days
