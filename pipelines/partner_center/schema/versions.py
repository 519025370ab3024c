"""Referrals as the versions that a warehouse keeps: what each row says, and when it held."""

import pyarrow as pa

from partner_center.schema.content_hash import LAST_ACTIVITY_SQL, content_hash_sql
from partner_center.schema.tables import REFERRALS

VALIDITY_COLUMNS = ("valid_from", "valid_to")

# From when to when a version was the current one.
VALIDITY_SCHEMA = pa.schema(
    [REFERRALS.schema.field(name).remove_metadata() for name in VALIDITY_COLUMNS]
)
# What one version of a referral says.
VERSION_SCHEMA = pa.schema(
    [field.remove_metadata() for field in REFERRALS.schema if field.name not in VALIDITY_COLUMNS]
)
# Both, in the order in which dlt puts them: a file in another order would be written once more.
SEEN_SCHEMA = pa.schema([*VALIDITY_SCHEMA, *VERSION_SCHEMA])
# What a listed referral's sixteen columns come to, as SQL over them.
COMPUTED_SQL = (
    f"{LAST_ACTIVITY_SQL} as last_activity_date, {content_hash_sql('true')} as content_hash"
)
