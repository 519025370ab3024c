"""How answers are written for other programs: CSV, JSON, Parquet."""

import csv
import json
from datetime import date, datetime
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

# A spreadsheet takes a text that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(out: IO[str], answer: pa.Table) -> None:
    """Write an answer as CSV that no spreadsheet takes for formulas."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_inert(name) for name in answer.column_names)
    for batch in answer.to_batches():
        for row in batch.to_pylist():
            writer.writerow([_inert(value) for value in row.values()])


def _inert(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value


def write_json(out: IO[str], value: Any) -> None:
    """Write a value as JSON, moments in ISO form (UTC)."""
    json.dump(value, out, default=_as_json, ensure_ascii=False)
    out.write("\n")


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def write_parquet(out: IO[bytes], answer: pa.Table) -> None:
    """Write an answer as one Parquet file."""
    buffer = pa.BufferOutputStream()
    pq.write_table(answer, buffer)
    out.write(buffer.getvalue().to_pybytes())
