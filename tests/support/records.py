"""Records as the endpoint sends them, and the moment at which tests take place."""

from datetime import datetime
from typing import Any

from partner_center.schema.fields import FIELDS

NOW = datetime(2026, 3, 31, 12)


def referral(referral_id: Any, **fields: Any) -> dict[str, Any]:
    """A record as the endpoint sends it; fields that are not given are null."""
    record = dict.fromkeys(FIELDS) | {"status": "New", "createdDate": "2026-03-01T08:00:00"}
    return record | {"id": referral_id} | fields
