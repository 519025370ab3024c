-- The moments that the reader asks about, from the settings of the session:
-- set referrals.as_of = '2026-01-01', and the same with referrals.known_at.

select
    cast(
        nullif(current_setting('referrals.as_of', true), '') as timestamp
    ) as as_of,
    cast(
        nullif(current_setting('referrals.known_at', true), '') as timestamp
    ) as known_at
