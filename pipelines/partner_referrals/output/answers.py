"""Writes the answer of a query: as a table for people, or as CSV, JSON or Parquet by DuckDB."""

import csv
import io
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import duckdb
import pyarrow as pa

from partner_referrals.warehouse.sql_text import identifier, text_literal

# A spreadsheet takes a text for a formula that begins with one of these, blanks before it or not.
_FORMULA = r"^[\s\x{FEFF}]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r]"

# DuckDB writes the numbers that JSON lacks as JavaScript does.
_TEXT_OR_NAN = re.compile(rb'(?P<text>"(?:[^"\\]|\\.)*")|NaN|-?Infinity')


class TextTable(NamedTuple):
    """An answer as texts in DuckDB's own spelling; a null is an empty text."""

    names: list[str]
    are_numbers: list[bool]
    rows: list[tuple[str, ...]]


def to_texts(answer: pa.Table) -> TextTable:
    """The answer for a table that people read, column by column, whatever their names are."""
    kinds = [field.type for field in answer.schema]
    are_numbers = [
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        for kind in kinds
    ]
    columns = ", ".join(f"coalesce({name}::varchar, '')" for name in _positions(answer))
    with _holding(answer) as connection:
        rows = connection.execute(f"select {columns} from answer").fetchall() if kinds else []
    return TextTable(list(answer.column_names), are_numbers, rows)


def write_csv(out: IO[bytes], answer: pa.Table) -> None:
    """Write an answer as CSV in which no spreadsheet finds a formula."""
    columns = ", ".join(
        f"case when regexp_matches({name}, '{_FORMULA}') then '''' || {name} else {name} end"
        if pa.types.is_string(field.type)
        else name
        for name, field in zip(_positions(answer), answer.schema, strict=True)
    )
    head = io.StringIO(newline="")
    csv.writer(head, lineterminator="\n").writerow(answer.column_names)
    out.write(head.getvalue().encode())
    _copy(out, answer, f"select {columns} from answer", "format csv, header false")


def write_json(out: IO[bytes], answer: pa.Table) -> None:
    """Write an answer as a JSON array of objects; a name that repeats gets a number behind it.

    JSON has no NaN and no infinity: where an answer holds one, at any depth, null is written.
    """
    # ISO 8601, which JSON readers expect.
    iso = ", ".join(
        f"replace({name}::varchar, ' ', 'T') as {name}"
        for name, field in zip(_positions(answer), answer.schema, strict=True)
        if pa.types.is_timestamp(field.type)
    )
    rows = f"(select * replace ({iso}) from answer)" if iso else "answer"
    _copy(
        out,
        answer,
        f"select {_named(answer)} from {rows}",
        "format json, array true",
        _null_for_nan,
    )


def write_parquet(out: IO[bytes], answer: pa.Table) -> None:
    """Write an answer as one Parquet file; a name that repeats gets a number behind it."""
    _copy(out, answer, f"select {_named(answer)} from answer", "format parquet")


def _null_for_nan(row: bytes) -> bytes:
    """A row of JSON, which is one line, as every reader of JSON takes it."""
    if b"NaN" not in row and b"Infinity" not in row:
        return row
    return _TEXT_OR_NAN.sub(lambda found: found["text"] or b"null", row)


def _copy(
    out: IO[bytes],
    answer: pa.Table,
    query: str,
    options: str,
    change_line: Callable[[bytes], bytes] | None = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="referrals-") as directory:
        file = Path(directory) / "answer"
        with _holding(answer) as connection:
            connection.execute(f"copy ({query}) to {text_literal(file)} ({options})")
        with file.open("rb") as written:
            if change_line:
                out.writelines(map(change_line, written))
            else:
                shutil.copyfileobj(written, out)


@contextmanager
def _holding(answer: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the answer as `answer`, its columns named by position."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        connection.register("answer", answer.rename_columns(_positions(answer)))
        yield connection


def _positions(answer: pa.Table) -> list[str]:
    return [f"c{number}" for number in range(answer.num_columns)]


def _named(answer: pa.Table) -> str:
    names = zip(_positions(answer), _distinct(answer.column_names), strict=True)
    return ", ".join(f"{position} as {identifier(name)}" for position, name in names)


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """The names, a number behind each that stood before in any case."""
    taken: set[str] = set()
    for name in names:
        candidate, number = name, 0
        while candidate.lower() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.lower())
        yield candidate
