"""Referrals as the versions that a warehouse keeps: what each row says, and when it held."""

import pyarrow as pa

from partner_center.records.page import REFERRAL_SCHEMA
from partner_center.schema.content_hash import LAST_ACTIVITY_SQL, content_hash_sql

# One observed version of a referral.
VERSION_SCHEMA = (
    REFERRAL_SCHEMA.append(pa.field("last_activity_date", pa.timestamp("us")))
    .append(pa.field("is_listed", pa.bool_()))
    .append(pa.field("content_hash", pa.int64(), nullable=False))
)
# From when to when it was the current one.
VALIDITY_SCHEMA = pa.schema(
    [pa.field("valid_from", pa.timestamp("us")), pa.field("valid_to", pa.timestamp("us"))]
)
# Both, in the order in which dlt puts them: a file in another order would be written once more.
SEEN_SCHEMA = pa.schema([*VALIDITY_SCHEMA, *VERSION_SCHEMA])
# What a listed referral's sixteen columns come to, as SQL over them.
COMPUTED_SQL = (
    f"{LAST_ACTIVITY_SQL} as last_activity_date, {content_hash_sql('true')} as content_hash"
)
