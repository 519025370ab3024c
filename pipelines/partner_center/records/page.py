"""Referrals of one answer as Arrow rows: the sixteen fields, nothing altered in silence."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from partner_center.records.dates import MOMENT, read_dates
from partner_center.records.envelope import (
    Envelope,
    NumberText,
    Record,
    read_columns,
    read_items,
)
from partner_center.schema.fields import DATE_FIELDS, FIELDS, TEXT_COLUMNS, TEXT_FIELDS

REFERRAL_SCHEMA = pa.schema(
    [pa.field(column, pa.string(), nullable=column != "id") for column in TEXT_COLUMNS]
    + [pa.field(column, MOMENT) for column in DATE_FIELDS.values()]
)
# What is known of a record that could not be read: enough to tell which referral it is, and in
# which cell of the server's counts it stands.
REJECT_SCHEMA = pa.schema(
    [
        pa.field("record", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("status", pa.string()),
        pa.field("created_date", MOMENT),
        # Whether status and created date are what the record says, null included.
        pa.field("is_placed", pa.bool_(), nullable=False),
    ]
)

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Page:
    """One answer: the referrals that could be read, the others, and what the envelope says.

    `unknown_fields` stood in some record and are not among ours, `absent_fields` stood in none.
    """

    envelope: Envelope
    referrals: pa.Table
    rejects: pa.Table
    unknown_fields: frozenset[str]
    absent_fields: frozenset[str]

    @property
    def item_count(self) -> int:
        """How many items the server sent, readable or not."""
        return int(self.referrals.num_rows + self.rejects.num_rows)

    @property
    def ids(self) -> pa.ChunkedArray:
        """The ids of all items that have one, in no promised order."""
        rejected = self.rejects["id"].drop_null()
        return pa.chunked_array(self.referrals["id"].chunks + rejected.chunks, pa.string())


def read_page(body: bytes) -> Page:
    """Read one answer of the endpoint.

    A regular answer is read column by column, any other record by record, with equal results.
    Raises BrokenAnswer where the body holds no collection.
    """
    whole = read_columns(body, tuple(FIELDS))
    if whole is None:
        return _read_record_by_record(body)
    envelope, items = whole
    texts = pa.table({field: items.field(field) for field in FIELDS})
    rows, rejects = _normalize(texts, lambda: [raw for raw, _ in read_items(body)[1]])
    return Page(
        envelope,
        rows,
        rejects,
        unknown_fields=frozenset(field.name for field in items.type) - FIELDS.keys(),
        absent_fields=frozenset(
            field
            for field in FIELDS
            if texts[field].null_count == len(items) and f'"{field}"'.encode() not in body
        ),
    )


def _read_record_by_record(body: bytes) -> Page:
    """The way of a page in which something stands that is no text."""
    envelope, items = read_items(body)
    good: list[dict[str, str | None]] = []
    raw_good: list[str] = []
    rejects: list[dict[str, Any]] = []
    names: set[str] = set()
    for raw, value in items:
        if isinstance(value, Record):
            names |= value.keys()
        try:
            good.append(_read_texts(value))
            raw_good.append(raw)
        except ValueError as error:
            rejects.append(_reject(raw, str(error), value))
    columns = {field: pa.array([row[field] for row in good], pa.string()) for field in FIELDS}
    rows, unreadable = _normalize(pa.table(columns), lambda: raw_good)
    return Page(
        envelope,
        rows,
        pa.concat_tables([pa.Table.from_pylist(rejects, REJECT_SCHEMA), unreadable]),
        unknown_fields=frozenset(names - FIELDS.keys()),
        absent_fields=frozenset(FIELDS.keys() - names),
    )


def _read_texts(value: Any) -> dict[str, str | None]:
    """The sixteen fields of one record as texts; ValueError says which is none."""
    if not isinstance(value, Record):
        raise ValueError(f"the record is {_show(value)}, not an object")
    texts: dict[str, str | None] = {}
    for field in FIELDS:
        text = value.get(field)
        if field == "id" and type(text) is NumberText and text.isdecimal():
            text = str(text)
        if field in value.repeated_names:
            raise ValueError(f"{field} stands twice in the record")
        if text is not None and type(text) is not str:
            raise ValueError(f"{field} is {_show(text)}, not a text")
        if text and not _is_unicode(text):
            raise ValueError(f"{field} is {_show(text)}, which is no valid Unicode")
        texts[field] = text
    return texts


def _normalize(texts: pa.Table, raw_records: Callable[[], list[str]]) -> tuple[pa.Table, pa.Table]:
    """Turn texts into rows, and into rejects those whose id or dates cannot be read."""
    columns = {column: _whole(texts[field]) for field, column in TEXT_FIELDS.items()}
    ids = columns["id"]
    is_bad = pc.or_(pc.is_null(ids), pc.fill_null(pc.equal(ids, ""), False))
    for field, column in DATE_FIELDS.items():
        columns[column], is_unreadable = read_dates(_whole(texts[field]))
        is_bad = pc.or_(is_bad, is_unreadable)
    rows = pa.table(columns)
    rejects = REJECT_SCHEMA.empty_table()
    if pc.any(is_bad).as_py():
        rejects = _reject_rows(rows, texts, is_bad, raw_records())
        rows = rows.filter(pc.invert(is_bad))
    return rows.cast(REFERRAL_SCHEMA), rejects


def _reject_rows(
    rows: pa.Table, texts: pa.Table, is_bad: pa.Array, raw_records: list[str]
) -> pa.Table:
    rejects = []
    for position, bad in enumerate(is_bad.to_pylist()):
        if bad:
            row = rows.slice(position, 1).to_pylist()[0]
            text = texts.slice(position, 1).to_pylist()[0]
            rejects.append(_reject(raw_records[position], _say_why(row, text), text))
    return pa.Table.from_pylist(rejects, REJECT_SCHEMA)


def _say_why(row: dict[str, Any], text: dict[str, str | None]) -> str:
    """Name the field that keeps a row out, and its value."""
    if not row["id"]:
        return f"id is {'empty' if row['id'] == '' else 'missing'}"
    for field, column in DATE_FIELDS.items():
        if row[column] is None and read_dates(pa.array([text[field]], pa.string()))[1][0].as_py():
            return f"{field} is {_show(text[field])}, not a date"
    raise AssertionError("a row was set aside without a reason")


def _reject(raw: str, reason: str, value: Any) -> dict[str, Any]:
    """A row of the rejects, with as much of the record as could be read."""
    known = value if isinstance(value, dict) else {}
    status, created = known.get("status"), known.get("createdDate")
    moments, is_bad = read_dates(pa.array([_text_or_none(created)], pa.string()))
    return {
        # A lone surrogate cannot be stored; its escape can.
        "record": raw.encode("utf-8", "backslashreplace").decode("utf-8"),
        "reason": reason,
        "id": _text_or_none(known.get("id")) or None,
        "status": _text_or_none(status),
        "created_date": moments[0].as_py(),
        "is_placed": isinstance(value, dict)
        and status == _text_or_none(status)
        and created == _text_or_none(created)
        and not is_bad[0].as_py(),
    }


def _text_or_none(value: Any) -> str | None:
    return str(value) if isinstance(value, str) and _is_unicode(value) else None


def _is_unicode(text: str) -> bool:
    return text.isascii() or not _SURROGATE.search(text)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    # Combining copies even what is one chunk.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _show(value: Any) -> str:
    """A value as it stood in the JSON, short enough for a sentence."""
    shown = str(value) if isinstance(value, NumberText) else json.dumps(value)
    return shown if len(shown) <= 100 else f"{shown[:100]}..."
