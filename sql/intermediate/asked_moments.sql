-- The moments that the reader asks about, from the session variables `as_of`
-- and `known_at`. What a session can set differs from engine to engine, so each
-- has a file of its own: asked_moments.<engine>.sql.
-- Grain: one row
-- Answers: did the reader ask about another moment than the last load?
-- Columns:
--   as_of: moment to answer as of, UTC; null if none was asked for
--   known_at: moment whose knowledge is to answer, UTC; null if none was

select
    cast(getvariable('as_of') as timestamp) as as_of,
    cast(getvariable('known_at') as timestamp) as known_at
