-- The moments of which a forecast is made: the one asked about, and the ends of
-- the months before it, as many as back-tests and their own experience need.
-- Grain: one row per made_at
-- Answers: when was, or would have been, a forecast made?
-- Columns:
--   made_at: the moment, UTC; the end of a month is the first moment after it
--   is_month_end: whether it is the end of a month
--   as_of: the moment that is asked about, UTC

with moments as (

    select * from intermediate.moments

), month_ends as (

    -- 24 months of back-tests; before them 6 months until the actual wins of
    -- the longest horizon are known, 12 months of errors, 4 of experience.
    select
        unnest(
            generate_series(
                cast(date_trunc('month', as_of - interval 47 month) as date),
                cast(as_of as date),
                interval 1 month
            )
        ) as month_end,
        as_of
    from moments
    where as_of is not null

), made as (

    select
        cast(month_end as timestamp) as made_at,
        as_of
    from month_ends
    union
    select
        as_of as made_at,
        as_of
    from moments
    where as_of is not null

)

select
    made_at,
    extract(day from made_at) = 1
    and made_at = cast(cast(made_at as date) as timestamp) as is_month_end,
    as_of
from made
