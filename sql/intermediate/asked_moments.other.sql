-- The moments that the reader asks about: none, the last load answers. Where a
-- view may not read what a session sets (Spark refuses session variables), make
-- this view anew with a moment in place of null to ask about that.

select
    cast(null as timestamp) as as_of,
    cast(null as timestamp) as known_at
