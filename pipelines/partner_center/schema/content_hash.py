"""What one version of a referral says, as SQL over its sixteen columns."""

from partner_center.schema.fields import DATE_COLUMNS, TEXT_COLUMNS

# greatest() leaves nulls out, and is null only where all of them are.
LAST_ACTIVITY_SQL = f"greatest({', '.join(DATE_COLUMNS)})"


def content_hash_sql(is_listed: str) -> str:
    """SQL for the hash of the sixteen fields and `is_listed` (an SQL expression), as BIGINT.

    Frozen: every warehouse holds these values. The first fifteen hexadecimal digits of the MD5 of
    the fields in their order, then 1 or 0 for listed; a text is its length in bytes, a colon and
    itself, a date its microseconds since 1970 and a comma, of a null only the colon or comma stays.
    """
    texts = [f"strlen({column}), ':', {column}" for column in TEXT_COLUMNS]
    dates = [f"epoch_us({column}), ','" for column in DATE_COLUMNS]
    # concat() leaves nulls out, and fifteen digits always fit.
    content = f"concat({', '.join([*texts, *dates])}, ({is_listed})::int)"
    return f"('0x' || left(md5({content}), 15))::bigint"
