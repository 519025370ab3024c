-- Referrals that changed after they had ended, or left the source's listing.
-- Grain: one row per referral_id, rule
-- Answers: which referrals changed or went away although they were settled?
-- Columns:
--   rule: which rule it breaks
--   severity: error: the figures are wrong for it; warning: they may be; info:
--     worth knowing
--   details: what was seen, a sentence

with version_changes as (

    select * from intermediate.version_changes

), referrals as (

    select * from intermediate.known_referrals
    where exists_as_of

), late_changes as (

    select
        referral_id,
        max(valid_from) as changed_at
    from version_changes
    where is_late_change
    group by referral_id

)

select
    referrals.referral_id,
    'changed_after_terminal' as rule,
    'info' as severity,
    concat(
        'It had ended, yet its status or dates changed, last seen at ',
        cast(late_changes.changed_at as varchar),
        '.'
    ) as details
from referrals
inner join late_changes on referrals.referral_id = late_changes.referral_id
union all
select
    referral_id,
    'vanished_from_source' as rule,
    'info' as severity,
    concat(
        'Partner Center has not listed it since ',
        cast(valid_from as varchar),
        '.'
    ) as details
from referrals
where not is_listed
