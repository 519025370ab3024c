-- The moments that the reader asks about. Here none is set, so the figures are
-- as of the last load: Spark lets no view read what a session sets. To ask about
-- another moment, make this view anew with a timestamp in place of null.

select
    cast(null as timestamp) as as_of,
    cast(null as timestamp) as known_at
