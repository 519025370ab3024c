-- Open referrals, with how many closed ones took less time than they have had.
-- Grain: one row per referral_id
-- Answers: is a referral old, compared with those that came to an end?
-- Columns:
--   referral_id: Partner Center's identifier, an opaque text
--   created_at: when the referral was created, UTC
--   acknowledged_at: when the partner acknowledged it, UTC
--   furthest_stage: the last of created, responded, accepted that it reached
--   stage_entered_at: when it got there, UTC
--   created_to_as_of_days: days from created to as_of; null if created is
--     undated
--   stage_to_as_of_days: days from stage_entered_at to as_of
--   closed_count: closed referrals with a duration
--   sooner_closed_count: of these, the ones that closed sooner after creation;
--     null if created is undated

with referrals as (

    select * from intermediate.referral_durations

), ages as (

    select
        is_open,
        case when is_open then referral_id end as referral_id,
        case when is_open then created_at end as created_at,
        case when is_open then acknowledged_at end as acknowledged_at,
        case when is_open then furthest_stage end as furthest_stage,
        case furthest_stage
            when 'accepted' then accepted_at
            when 'responded' then responded_at
            else created_at
        end as stage_entered_at,
        as_of,
        case
            when is_open then created_to_as_of_days
            else created_to_closed_days
        end as age_days
    from referrals
    where is_open or created_to_closed_days is not null

), placed as (

    select
        *,
        -- Of equal ages the open ones come first: "sooner" leaves ties out.
        row_number() over (order by age_days, is_open desc) as place,
        sum(case when is_open then 0 else 1 end) over () as closed_count
    from ages

), open_referrals as (

    -- Whoever is before it and not open is closed.
    select
        *,
        place - row_number() over (order by place) as sooner_closed_count
    from placed
    where is_open

)

select
    referral_id,
    created_at,
    acknowledged_at,
    furthest_stage,
    stage_entered_at,
    age_days as created_to_as_of_days,
    date_diff('microsecond', stage_entered_at, as_of)
    / 86400000000 as stage_to_as_of_days,
    closed_count,
    case
        when age_days is not null then sooner_closed_count
    end as sooner_closed_count
from open_referrals
