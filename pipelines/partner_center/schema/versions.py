"""From when to when a version of a record was the current one."""

import pyarrow as pa

from partner_center.schema.tables import REFERRALS

VALIDITY_COLUMNS = ("valid_from", "valid_to")
VALIDITY_SCHEMA = pa.schema(
    [REFERRALS.schema.field(name).remove_metadata() for name in VALIDITY_COLUMNS]
)
