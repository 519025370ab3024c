"""Turns records into the bytes that are served, and finds the id in them."""

import json
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def body_and_key(record: dict[str, Any] | str) -> tuple[bytes, str | None]:
    """The bytes to serve, and the id in them, or None where it cannot name the record."""
    if isinstance(record, str):
        body, content = record.encode(), parse_json(record)
    else:
        body, content = _encoded(record), record
    key = content.get("id") if isinstance(content, dict) else None
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    return body, key if isinstance(key, str) else None


def parse_json(text: str) -> Any:
    """The value of the text, None where it is not JSON: it is served all the same."""
    try:
        return json.loads(text, parse_constant=lambda constant: None)
    except (ValueError, RecursionError):
        return None


def _encoded(record: dict[str, Any]) -> bytes:
    try:
        return _encode(record).encode()
    except UnicodeEncodeError:  # a lone surrogate exists in JSON only as an escape
        return json.dumps(record).encode()
