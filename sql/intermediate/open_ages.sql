-- Open referrals, each with the number of closed ones that closed at a younger
-- age.
-- Grain: one row per referral_id
-- Answers: is a referral old, compared with those that came to an end?
-- Columns:
--   furthest_stage: the last of created, responded, accepted that it reached
--   stage_entered_at: when it got there, UTC
--   stage_to_as_of_days: days from stage_entered_at to as_of
--   closed_count: closed referrals to compare with: those with a duration, and
--     for an accepted one only accepted ones
--   sooner_closed_count: of these, the ones that closed sooner after creation;
--     null if created is undated

with referrals as (

    select * from intermediate.referral_durations
    where is_counted

), closed_ages as (

    select
        cast(null as varchar) as referral_id,
        groups.accepted,
        created_to_closed_days as age_days
    from referrals
    inner join (values (0), (1)) as groups (accepted)
        on groups.accepted = 0 or referrals.has_accepted
    where not is_open and created_to_closed_days is not null

), open_referrals as (

    select
        *,
        case furthest_stage
            when 'accepted' then accepted_at
            when 'responded' then responded_at
            else created_at
        end as stage_entered_at,
        case when has_accepted then 1 else 0 end as accepted
    from referrals
    where is_open

), ages as (

    -- No more columns than are compared: all of them are sorted.
    select
        referral_id,
        accepted,
        age_days
    from closed_ages
    union all
    select
        referral_id,
        accepted,
        created_to_as_of_days as age_days
    from open_referrals

), placed as (

    select
        referral_id,
        accepted,
        row_number() over (
            partition by accepted
            order by
                age_days,
                -- Of equal ages the open ones come first: "sooner" leaves
                -- ties out.
                case when referral_id is null then 1 else 0 end
        ) as place
    from ages

), counted as (

    -- Rows before it are closed, except for the open ones.
    select
        referral_id,
        place - row_number() over (
            partition by accepted
            order by place
        ) as sooner_closed_count
    from placed
    where referral_id is not null

), closed as (

    select
        accepted,
        count(*) as closed_count
    from closed_ages
    group by accepted

)

select
    open_referrals.referral_id,
    created_at,
    acknowledged_at,
    furthest_stage,
    stage_entered_at,
    created_to_as_of_days,
    date_diff('microsecond', stage_entered_at, as_of)
    / 86400000000 as stage_to_as_of_days,
    coalesce(closed_count, 0) as closed_count,
    case
        when created_to_as_of_days is not null then sooner_closed_count
    end as sooner_closed_count
from open_referrals
inner join counted on open_referrals.referral_id = counted.referral_id
left join closed on open_referrals.accepted = closed.accepted
