"""Writes results of the program itself as JSON."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any


def write_json(out: IO[str], value: Any) -> None:
    """Write a value as JSON, timestamps in ISO form (UTC)."""
    json.dump(value, out, default=_as_json, ensure_ascii=False)
    out.write("\n")


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
