"""Holds the stand-in's records, and finds and counts them."""

import itertools
import json
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import duckdb
import pyarrow as pa

from partner_center.schema.fields import DATE_FIELDS, FIELDS
from partner_center_sandbox.filters import Condition

Level = Literal["day", "week", "month"]

# Answers to recent filters are kept, so that paging through one does not ask it again.
_KEPT_SELECTIONS = 32


class Store:
    """Records as raw JSON, in the order in which they came; a changed record keeps its place.

    Filters and groups go through a table of typed fields that is made again after a change.
    A date that is unset, `0001-01-01` or unreadable is null there.
    """

    def __init__(self) -> None:
        # By id; by a number where a record has none, or one that came before.
        self._bodies: dict[str | int, bytes] = {}
        self._numbers = itertools.count()
        self._lock = threading.RLock()
        # Opened by the first filter or group: most sandboxes of tests never see one.
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._rows: list[bytes] | None = None
        self._is_indexed = False
        self._selections: dict[Condition, list[bytes]] = {}

    def add(self, records: Iterable[dict[str, Any] | str]) -> None:
        """Append records as they are, also when their id is there already."""
        with self._lock:
            for record in records:
                body, key = _body_and_key(record)
                if key is None or key in self._bodies:
                    key = next(self._numbers)
                self._bodies[key] = body
            self._forget()

    def put(self, records: Iterable[dict[str, Any] | str]) -> None:
        """Replace records by their id, or append those that are new or have none."""
        with self._lock:
            for record in records:
                body, key = _body_and_key(record)
                self._bodies[next(self._numbers) if key is None else key] = body
            self._forget()

    def delete(self, referral_id: str) -> None:
        with self._lock:
            del self._bodies[referral_id]
            self._forget()

    def rows(self) -> list[bytes]:
        """Every record; the list is the caller's to read, not to change."""
        with self._lock:
            if self._rows is None:
                self._rows = list(self._bodies.values())
            return self._rows

    def select(self, condition: Condition | None) -> list[bytes]:
        """The records that meet the condition, in their order."""
        with self._lock:
            rows = self.rows()
            if condition is None:
                return rows
            if condition not in self._selections:
                if len(self._selections) >= _KEPT_SELECTIONS:
                    self._selections.clear()
                found = self._query(
                    f"select position from referrals where {condition.sql}", condition.values
                )
                self._selections[condition] = [rows[position] for (position,) in found]
            return self._selections[condition]

    def count_groups(
        self, fields: Sequence[str], level: Level, condition: Condition | None
    ) -> list[dict[str, str | None]]:
        """One item per group, in order of the fields; dates are the first moment of their period.

        Week periods start on Monday. The count comes as a string, as in the real answers.
        """
        keys = ", ".join(
            f"date_trunc('{level}', \"{name}\")" if name in DATE_FIELDS else f'"{name}"'
            for name in fields
        )
        where, values = (condition.sql, condition.values) if condition else ("true", ())
        with self._lock:
            groups = self._query(
                f"select {keys}, count(*) from referrals where {where} group by all order by all",
                values,
            )
        return [
            {name: _as_text(key) for name, key in zip(fields, group[:-1], strict=True)}
            | {"referralCount": str(group[-1])}
            for group in groups
        ]

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def index(self) -> None:
        """Make the typed table now, so that the next filter or group is quick."""
        with self._lock:
            self._indexed_connection()

    def _query(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return self._indexed_connection().execute(sql, list(values)).fetchall()

    def _indexed_connection(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = duckdb.connect(":memory:")
            self._connection.execute("set timezone = 'UTC'")
        if not self._is_indexed:
            bodies = pa.array([_legible(body) for body in self.rows()], pa.string())
            positions = pa.array(range(len(bodies)), pa.int64())
            self._connection.register("bodies", pa.table({"position": positions, "body": bodies}))
            self._connection.execute(_INDEX)
            self._connection.unregister("bodies")
            self._is_indexed = True
        return self._connection

    def _forget(self) -> None:
        self._rows = None
        self._is_indexed = False
        self._selections.clear()


_PATHS = ", ".join(f"'$.{name}'" for name in FIELDS)
# Through the type with a zone, because the cast to a plain timestamp drops offsets in silence.
_MOMENT = """
    case when texts[{number}] not like '0001-01-01%'
    then try_cast(texts[{number}] as timestamptz) at time zone 'UTC' end as "{name}"
"""
_TEXT = 'texts[{number}] as "{name}"'
_COLUMNS = ", ".join(
    (_MOMENT if name in DATE_FIELDS else _TEXT).format(number=number, name=name)
    for number, name in enumerate(FIELDS, start=1)
)
_INDEX = f"""
create or replace table referrals as
select position, {_COLUMNS}
from (
    select
        position,
        case when json_valid(body) then json_extract_string(body, [{_PATHS}]) end as texts
    from bodies
)
"""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _body_and_key(record: dict[str, Any] | str) -> tuple[bytes, str | int | None]:
    """The bytes to serve, and the id in them, or None where it cannot name the record."""
    if isinstance(record, str):
        body, content = record.encode(), _parsed(record)
    else:
        body, content = _encoded(record), record
    key = content.get("id") if isinstance(content, dict) else None
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    return body, key if isinstance(key, str) else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda constant: None)
    except (ValueError, RecursionError):
        return None  # what no one can read is served all the same


def _encoded(record: dict[str, Any]) -> bytes:
    try:
        return _encode(record).encode()
    except UnicodeEncodeError:  # a lone surrogate exists in JSON only as an escape
        return json.dumps(record).encode()


def _legible(body: bytes) -> bytes:
    """The record as DuckDB reads it too: it refuses NaN and escapes of lone surrogates."""
    if b"\\u" not in body and b"NaN" not in body and b"Infinity" not in body:
        return body
    content = _parsed(body.decode())
    return json.dumps(content, ensure_ascii=False).encode(errors="replace")


def _as_text(key: object) -> str | None:
    if isinstance(key, datetime):
        return key.isoformat()
    return None if key is None else str(key)
