-- Referrals whose status names an ending without giving its date: since when
-- the warehouse has known, where that is not simply their newest version.
-- Grain: one row per referral_id
-- Answers: from which moment on does such a referral count as closed?
-- Columns:
--   known_since: start of the unbroken run of versions with that status, UTC

with versions as (

    select * from intermediate.known_versions

), referrals as (

    select * from intermediate.known_referrals

), newest as (

    select max(valid_from) as valid_from from intermediate.funnel_versions

), undated as (

    -- Only needed where the current version is newer than as_of; of any other,
    -- its own valid_from is the answer, and the join is empty.
    select
        referrals.referral_id,
        referrals.terminal_status
    from referrals
    inner join newest on referrals.as_of < newest.valid_from
    where
        referrals.terminal_status is not null
        and referrals.terminal_status_at is null
        and referrals.as_of < referrals.valid_from

), runs as (

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

)

select
    referral_id,
    min(valid_from) as known_since
from runs
where last_other_from is null or valid_from > last_other_from
group by referral_id
