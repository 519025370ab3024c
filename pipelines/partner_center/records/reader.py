"""Reads answers into pages by the description of a record: nothing is altered in silence."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from partner_center.records.dates import read_dates
from partner_center.records.envelope import NumberText, Record, read_columns, read_items
from partner_center.records.fields import (
    Field,
    find,
    is_unicode,
    kind_of,
    plain_number,
    show,
    unknown_names,
)
from partner_center.records.page import REJECT_SCHEMA, Page

TAG_SCHEMA = pa.schema([pa.field(name, pa.string(), False) for name in ("id", "kind", "value")])

# The kinds and values by which a record can be looked up.
Tags = Callable[[Record], Iterable[tuple[str, str]]]


def _no_tags(record: Record) -> Iterable[tuple[str, str]]:
    return ()


@dataclass(frozen=True)
class RecordReader:
    """What the records of one resource look like.

    `ignored` are paths that are known and not read. `expected` are those that some record has in
    every answer. `counted_by` are the paths of status and created date, where the server groups
    its counts by them. `is_private`: of a rejected record only `fields` may be kept.
    """

    fields: tuple[Field, ...]
    ignored: frozenset[str] = frozenset()
    expected: frozenset[str] = frozenset()
    counted_by: tuple[str, str] | None = None
    is_private: bool = False
    tags: Tags = _no_tags

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of the rows that are read."""
        return pa.schema(
            [pa.field(each.column, each.kind, each.column != "id") for each in self.fields]
        )

    @cached_property
    def known(self) -> frozenset[str]:
        """All paths that are no news."""
        paths = {path for each in self.fields for path in (each.path, each.renamed) if path}
        return self.ignored | paths

    @cached_property
    def is_flat(self) -> bool:
        """Whether a record is one object of texts, so that an answer can be read as a whole."""
        return all(
            (each.kind == pa.string() or pa.types.is_timestamp(each.kind)) and "." not in each.path
            for each in self.fields
        )

    def read_page(self, body: bytes) -> Page:
        """Read one answer of the endpoint.

        A regular answer of flat records is read column by column, any other record by record, with
        equal results. Raises BrokenAnswer where the body holds no collection.
        """
        names = tuple(each.path for each in self.fields)
        whole = read_columns(body, names) if self.is_flat else None
        if whole is None:
            return self._read_singly(body)
        envelope, items = whole
        texts = pa.table({each.column: items.field(each.path) for each in self.fields})
        rows, rejects = self._convert(texts, lambda: read_items(body)[1])
        return Page(
            envelope,
            rows,
            rejects,
            TAG_SCHEMA.empty_table(),
            unknown_fields=frozenset(field.name for field in items.type) - self.known,
            absent_fields=frozenset(
                each.path
                for each in self.fields
                if each.path in self.expected
                and texts[each.column].null_count == len(items)
                and f'"{each.path}"'.encode() not in body
            ),
        )

    def _read_singly(self, body: bytes) -> Page:
        """Read an answer record by record."""
        envelope, items = read_items(body)
        good: list[dict[str, str | None]] = []
        good_items: list[tuple[str, Any]] = []
        rejects: list[dict[str, Any]] = []
        names: set[str] = set()
        unknown: set[str] = set()
        for raw, value in items:
            if isinstance(value, Record):
                names |= value.keys()
                unknown.update(unknown_names(value, self.known))
            try:
                good.append(self._read_texts(value))
                good_items.append((raw, value))
            except ValueError as error:
                rejects.append(self._reject(raw, str(error), value))
        texts = pa.table(
            {
                each.column: pa.array([row[each.column] for row in good], pa.string())
                for each in self.fields
            }
        )
        rows, unreadable = self._convert(texts, lambda: good_items)
        return Page(
            envelope,
            rows,
            pa.concat_tables([pa.Table.from_pylist(rejects, REJECT_SCHEMA), unreadable]),
            self._read_tags(good, good_items, rows),
            unknown_fields=frozenset(unknown),
            absent_fields=self.expected - names,
        )

    def _read_texts(self, value: Any) -> dict[str, str | None]:
        """The fields of one record as texts; ValueError says which is none."""
        if not isinstance(value, Record):
            raise ValueError(f"the record is {self._show(value)}, not an object")
        try:
            return {each.column: each.read(value) for each in self.fields}
        except ValueError:
            if not self.is_private:
                raise
        # Once more, saying nothing of what an object or a list in a wrong place holds.
        kept = _nested(dict(self._leaves(value)))
        for each in self.fields:
            each.read(kept)
        for each in self.fields:
            if isinstance(found := find(value, each.path), dict | list):
                raise ValueError(f"{each.path} is {kind_of(found)}")
        raise AssertionError("a record was set aside without a reason")

    def _convert(
        self, texts: pa.Table, items: Callable[[], list[tuple[str, Any]]]
    ) -> tuple[pa.Table, pa.Table]:
        """Turn texts into rows, and into rejects those whose id or dates cannot be read."""
        columns: dict[str, pa.Array] = {}
        is_bad = pa.nulls(texts.num_rows, pa.bool_()).fill_null(False)
        for each in self.fields:
            column = _whole(texts[each.column])
            if pa.types.is_temporal(each.kind):
                column, is_unreadable = read_dates(column)
                is_bad = pc.or_(is_bad, is_unreadable)
            if each.column == "id":
                is_missing = pc.or_(pc.is_null(column), pc.fill_null(pc.equal(column, ""), False))
                is_bad = pc.or_(is_bad, is_missing)
            columns[each.column] = pc.cast(column, each.kind, safe=False)
        rows = pa.table(columns)
        rejects = REJECT_SCHEMA.empty_table()
        if pc.any(is_bad).as_py():
            rejects = self._reject_rows(texts, is_bad, items())
            rows = rows.filter(pc.invert(is_bad))
        return rows.cast(self.schema), rejects

    def _reject_rows(
        self, texts: pa.Table, is_bad: pa.Array, items: list[tuple[str, Any]]
    ) -> pa.Table:
        rejects = []
        for position, bad in enumerate(is_bad.to_pylist()):
            if bad:
                text = texts.slice(position, 1).to_pylist()[0]
                raw, value = items[position]
                rejects.append(self._reject(raw, self._say_why(text), value))
        return pa.Table.from_pylist(rejects, REJECT_SCHEMA)

    def _say_why(self, text: Mapping[str, str | None]) -> str:
        """Name the field that keeps a row out, and its value."""
        for each in self.fields:
            value = text[each.column]
            if each.column == "id" and not value:
                return f"id is {'empty' if value == '' else 'missing'}"
            if (
                pa.types.is_temporal(each.kind)
                and read_dates(pa.array([value], pa.string()))[1][0].as_py()
            ):
                return f"{each.path} is {show(value)}, not a date"
        raise AssertionError("a row was set aside without a reason")

    def _reject(self, raw: str, reason: str, value: Any) -> dict[str, Any]:
        """A row of the rejects, with as much of the record as could be read."""
        known = value if isinstance(value, dict) else {}
        status, created = (known.get(path) for path in self.counted_by or ("", ""))
        moments, is_bad = read_dates(pa.array([_text_or_none(created)], pa.string()))
        if self.is_private:
            raw = json.dumps(_nested({path: _plain(leaf) for path, leaf in self._leaves(value)}))
        return {
            # A lone surrogate cannot be stored; its escape can.
            "record": raw.encode("utf-8", "backslashreplace").decode("utf-8"),
            "reason": reason,
            "id": _text_or_none(known.get("id")) or None,
            "status": _text_or_none(status),
            "created_date": moments[0].as_py(),
            "is_placed": self.counted_by is not None
            and isinstance(value, dict)
            and status == _text_or_none(status)
            and created == _text_or_none(created)
            and not is_bad[0].as_py(),
        }

    def _leaves(self, value: Any) -> Iterable[tuple[str, Any]]:
        """The fields of a record that are no objects and no lists, by their paths."""
        for each in self.fields:
            try:
                leaf = find(value, each.path)
            except ValueError:
                continue
            if leaf is not None and not isinstance(leaf, dict | list):
                yield each.path, leaf

    def _show(self, value: Any) -> str:
        return kind_of(value) if self.is_private else show(value)

    def _read_tags(
        self, texts: list[dict[str, str | None]], items: list[tuple[str, Any]], rows: pa.Table
    ) -> pa.Table:
        """The tags of the records that became rows, each once."""
        if self.tags is _no_tags:
            return TAG_SCHEMA.empty_table()
        readable = set(rows["id"].to_pylist())
        found = dict.fromkeys(
            (text["id"], kind, tag)
            for text, (_, value) in zip(texts, items, strict=True)
            if text["id"] in readable
            for kind, tag in self.tags(value)
            if is_unicode(tag)
        )
        return pa.Table.from_pylist(
            [dict(zip(TAG_SCHEMA.names, each, strict=True)) for each in found], TAG_SCHEMA
        )


def _nested(leaves: Mapping[str, Any]) -> Record:
    """A record of these leaves, which stand where their paths say."""
    record = Record()
    for path, leaf in leaves.items():
        *parents, name = path.split(".")
        place = record
        for parent in parents:
            place = place.setdefault(parent, Record())
        place[name] = leaf
    return record


def _plain(leaf: Any) -> Any:
    return plain_number(leaf) if isinstance(leaf, NumberText) else leaf


def _text_or_none(value: Any) -> str | None:
    return str(value) if isinstance(value, str) and is_unicode(value) else None


def _whole(column: pa.ChunkedArray) -> pa.Array:
    # Combining copies even what is one chunk.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
