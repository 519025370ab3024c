"""What one version of a referral says, as SQL over its sixteen columns."""

from pipelines.referral import DATE_COLUMNS, TEXT_COLUMNS

# greatest() leaves nulls out, and is null only where all of them are.
LAST_ACTIVITY_SQL = f"greatest({', '.join(DATE_COLUMNS)})"


def content_hash_sql(is_listed: str) -> str:
    """SQL for the hash of the sixteen fields and `is_listed` (an SQL expression), as BIGINT.

    Frozen: every warehouse holds these values. The upper 63 of the 64 bits that an MD5 digest
    ends with, over the fields in their order, then 1 or 0 for listed, joined by commas; a text is
    its length in bytes, a colon and itself, a date its microseconds since 1970, a null nothing.
    """
    texts = [f"coalesce(strlen({column}) || ':' || {column}, '')" for column in TEXT_COLUMNS]
    dates = [f"coalesce(epoch_us({column})::varchar, '')" for column in DATE_COLUMNS]
    parts = [*texts, *dates, f"({is_listed})::int::varchar"]
    return f"(md5_number_lower(concat_ws(',', {', '.join(parts)})) >> 1)::bigint"
