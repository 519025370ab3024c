"""Holds the records of one analytics resource, finds and counts them."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import duckdb
import pyarrow as pa

from partner_center_sandbox.filters import Condition
from partner_center_sandbox.json_records import parse_json
from partner_center_sandbox.record_store import Record, RecordStore
from partner_center_sandbox.resources import AnalyticsResource

Level = Literal["day", "week", "month"]

# Answers to recent filters are kept, so that paging through one does not ask it again.
_KEPT_SELECTIONS = 32


class Store(RecordStore):
    """Records of one analytics resource.

    Filters and groups use a table of typed fields, which is made again after a change. A date that
    is unset, `0001-01-01` or unreadable is null there.
    """

    def __init__(self, resource: AnalyticsResource, initial: Iterable[Record] = ()) -> None:
        super().__init__(initial)
        self.resource = resource
        # Opened by the first filter or group: most tests need neither.
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._is_indexed = False
        self._selections: dict[Condition, list[bytes]] = {}

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
                    f"select position from records where {condition.sql}", condition.values
                )
                self._selections[condition] = [rows[position] for (position,) in found]
            return self._selections[condition]

    def count_groups(
        self, fields: Sequence[str], level: Level, condition: Condition | None
    ) -> list[dict[str, str | None]]:
        """One item per group, in order of the fields; dates are the beginning of their period.

        Weeks start on Monday. Counts are strings, as in the real answers.
        """
        keys = ", ".join(
            f"date_trunc('{level}', \"{name}\")" if name in self.resource.dates else f'"{name}"'
            for name in fields
        )
        counts = ", ".join(self.resource.counts.values())
        names = (*fields, *self.resource.counts)
        where, values = (condition.sql, condition.values) if condition else ("true", ())
        with self._lock:
            groups = self._query(
                f"select {keys}, {counts} from records where {where} group by all order by all",
                values,
            )
        return [
            {name: _as_text(value) for name, value in zip(names, group, strict=True)}
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
            bodies = pa.array([_readable_by_duckdb(body) for body in self.rows()], pa.string())
            positions = pa.array(range(len(bodies)), pa.int64())
            self._connection.register("bodies", pa.table({"position": positions, "body": bodies}))
            self._connection.execute(_index_sql(self.resource))
            self._connection.unregister("bodies")
            self._is_indexed = True
        return self._connection

    def _forget(self) -> None:
        super()._forget()
        self._is_indexed = False
        self._selections.clear()


# Through the type with a zone, because a cast to a timestamp without one ignores offsets.
_DATE = """
    case when texts[{number}] not like '0001-01-01%'
    then try_cast(texts[{number}] as timestamptz) at time zone 'UTC' end as "{name}"
"""
_TEXT = 'texts[{number}] as "{name}"'


def _index_sql(resource: AnalyticsResource) -> str:
    paths = ", ".join(f"'$.{name}'" for name in resource.fields)
    columns = ", ".join(
        (_DATE if name in resource.dates else _TEXT).format(number=number, name=name)
        for number, name in enumerate(resource.fields, start=1)
    )
    return f"""
        create or replace table records as
        select position, {columns}
        from (
            select
                position,
                case when json_valid(body) then json_extract_string(body, [{paths}]) end as texts
            from bodies
        )
    """


def _readable_by_duckdb(body: bytes) -> bytes:
    """The record in a form that DuckDB can read: without NaN and lone surrogates."""
    if b"\\u" not in body and b"NaN" not in body and b"Infinity" not in body:
        return body
    content = parse_json(body.decode())
    return json.dumps(content, ensure_ascii=False).encode(errors="replace")


def _as_text(key: object) -> str | None:
    if isinstance(key, datetime):
        return key.isoformat()
    return None if key is None else str(key)
