"""Packs a table into compressed columns that a script unpacks into typed arrays."""

import base64
import json
import zlib
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# What stands for null: JavaScript's typed arrays know none.
NO_NUMBER = -1


def pack_columns(table: pa.Table, listed: dict[str, int]) -> dict[str, Any]:
    """Describe and pack `table`: `columns` by name, and `bytes` as base64 of their deflated values.

    Texts become codes of a `values` list, dates days since 1970, timestamps seconds since 1970 (NaN
    where null), integers and codes 32 bits (-1 where null). Columns in `listed` are kept as plain
    lists of so many first rows, for what is shown and never counted.
    """
    columns: dict[str, Any] = {}
    listed_text: dict[str, list[Any]] = {}
    parts: list[bytes] = []
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if name in listed:
            listed_text[name] = column.slice(0, listed[name]).to_pylist()
            continue
        description, values = _encode(column)
        parts.append(_raw(values))
        columns[name] = description
    return {
        "row_count": table.num_rows,
        "columns": columns,
        "listed": _deflate(json.dumps(listed_text, ensure_ascii=False).encode()),
        "bytes": _deflate(b"".join(parts)),
    }


def _encode(column: pa.Array) -> tuple[dict[str, Any], pa.Array]:
    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        codes = pc.fill_null(encoded.indices.cast(pa.int32()), NO_NUMBER)
        return {"kind": "codes", "values": encoded.dictionary.to_pylist()}, codes
    if pa.types.is_timestamp(column.type):
        microseconds = column.cast(pa.timestamp("us")).cast(pa.int64())
        # Of a year far away the microseconds fit no float exactly.
        microseconds = microseconds.cast(pa.float64(), safe=False)
        seconds = pc.divide(microseconds, pa.scalar(1_000_000.0))
        return {"kind": "float64"}, pc.fill_null(seconds, float("nan"))
    if pa.types.is_floating(column.type):
        return {"kind": "float64"}, pc.fill_null(column.cast(pa.float64()), float("nan"))
    if pa.types.is_date32(column.type):
        # Days before 1970 occur, so null is the smallest integer here.
        return {"kind": "days"}, pc.fill_null(column.cast(pa.int32()), -(2**31))
    return {"kind": "int32"}, pc.fill_null(column.cast(pa.int32()), NO_NUMBER)


def _raw(values: pa.Array) -> bytes:
    """The values as they stand in memory: little-endian, without a gap."""
    width = values.type.bit_width // 8
    buffer = values.buffers()[1]
    if buffer is None:
        return b""
    start = values.offset * width
    return bytes(memoryview(buffer)[start : start + len(values) * width])


def _deflate(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, 6)).decode()
