"""What one version of a record says, as SQL over its columns."""

import pyarrow as pa


def content_hash_sql(schema: pa.Schema, is_listed: str) -> str:
    """SQL for the hash of the columns of `schema` and `is_listed` (an SQL expression), as BIGINT.

    Frozen: every warehouse holds these values. The first fifteen hexadecimal digits of the MD5 of
    the columns in their order, then 1 or 0 for listed; a text is its length in bytes, a colon and
    itself, a timestamp its microseconds since 1970 and a comma, anything else its text and a
    comma; of a null only the colon or comma stays.
    """
    # concat() leaves nulls out, and fifteen digits always fit.
    content = f"concat({', '.join([*map(_as_sql, schema), f'({is_listed})::int'])})"
    return f"('0x' || left(md5({content}), 15))::bigint"


def _as_sql(column: pa.Field) -> str:
    if pa.types.is_string(column.type):
        return f"strlen({column.name}), ':', {column.name}"
    if pa.types.is_timestamp(column.type):
        return f"epoch_us({column.name}), ','"
    return f"{column.name}::varchar, ','"
