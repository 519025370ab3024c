"""Runs one read-only query on a connection that can reach nothing but the warehouse."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from partner_referrals.errors import UsageError, reason_of
from partner_referrals.timestamps import read_timestamp
from partner_referrals.warehouse.connection import has_load, open_warehouse

# Receives a sentence that the user should read.
Warn = Callable[[str], None]

MAX_SECONDS = 300.0
MAX_MEMORY = "4GB"

# SELECT covers FROM, VALUES, DESCRIBE, SHOW and SUMMARIZE too; MULTI is a PIVOT. A PRAGMA that
# changes something meets the locked configuration. CALL is left out for CHECKPOINT, which is one.
_ALLOWED = (
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.MULTI,
    duckdb.StatementType.PRAGMA,
)

# No file, no network, no extension, no way back: what is asked sees this database alone.
_LOCKDOWN = (
    f"set memory_limit = '{MAX_MEMORY}'",
    "set temp_directory = ''",
    "set enable_external_access = false",
    # Otherwise a table name may find a variable of this program.
    "set python_enable_replacements = false",
    "set lock_configuration = true",
)


def ignore(sentence: str) -> None:
    """Nobody wants to know what an answer lacks."""


def query(
    warehouse: Path,
    sql: str,
    *,
    as_of: str | None = None,
    known_at: str | None = None,
    warn: Warn = ignore,
) -> pa.Table:
    """The rows that one statement gives.

    `as_of` and `known_at` (naive UTC, ISO) are the moments that the marts answer for; `warn` is
    told where they cannot know all of it. Raises UsageError where the SQL is wrong, is more than
    one statement, or does more than read.
    """
    with locked_down(warehouse, as_of=as_of, known_at=known_at, warn=warn) as connection:
        try:
            answer = _ask(connection, sql) if _reads(sql) else None
        except duckdb.InterruptException as error:
            raise UsageError(
                f"The query was stopped after {MAX_SECONDS:.0f} s. Ask for less, or open the "
                "warehouse with DuckDB itself."
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise UsageError(
                f"The query needs more memory than it may have ({MAX_MEMORY}). Ask for less, or "
                "open the warehouse with DuckDB itself."
            ) from error
        except duckdb.Error as error:
            raise UsageError(f"The query cannot be answered. {error}") from error
    if answer is None:
        raise UsageError(
            "Only one statement that reads is answered: select, from, pivot, describe, summarize "
            "or explain. The warehouse was not touched."
        )
    return answer


def _reads(sql: str) -> bool:
    """Whether this is one statement of a kind that reads."""
    try:
        statements = duckdb.extract_statements(sql)
        return len(statements) == 1 and statements[0].type in _ALLOWED
    except ValueError:
        # Of a kind that DuckDB's Python package has no name for, such as UPDATE EXTENSIONS.
        return False


@contextmanager
def locked_down(
    warehouse: Path,
    *,
    as_of: str | None = None,
    known_at: str | None = None,
    warn: Warn = ignore,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection that can reach nothing but the warehouse."""
    with open_warehouse(warehouse, read_only=True) as connection:
        for name, moment in {"as_of": as_of, "known_at": known_at}.items():
            if moment is not None:
                _set_moment(connection, name, moment)
        if known_at is not None:
            _require_known(connection)
        if as_of is not None:
            _warn_if_ahead(connection, warn)
        if not has_load(connection):
            warn(f"{warehouse} holds no finished load yet, so that every figure is of nothing.")
        for setting in _LOCKDOWN:
            connection.execute(setting)
        yield connection


@contextmanager
def reading_marts(
    warehouse: Path, *, as_of: str | None = None, warn: Warn = ignore
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection for reading marts that this version has.

    Raises UsageError where the warehouse holds no finished load, and where its views are those of
    another version.
    """
    with locked_down(warehouse, as_of=as_of, warn=warn) as connection:
        if not has_load(connection):
            raise UsageError(f"{warehouse} holds no finished load yet. Run 'referrals load' first.")
        try:
            yield connection
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise UsageError(
                f"The views of {warehouse} were made by another version ({reason_of(error)}). "
                "Make them anew with 'referrals views'; the data stays as it is."
            ) from error


def _set_moment(connection: duckdb.DuckDBPyConnection, name: str, moment: str) -> None:
    try:
        timestamp = read_timestamp(moment)
    except UsageError as error:
        raise UsageError(f"--{name.replace('_', '-')}: {error}") from error
    connection.execute(f"set variable {name} = $timestamp", {"timestamp": timestamp})


def _require_known(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise UsageError where known_at lies before the first load: zeros would be taken for true."""
    try:
        first, is_known = connection.execute(
            "select min(finished_at), min(finished_at) <= getvariable('known_at') "
            "from partner_center.load_runs where succeeded"
        ).fetchall()[0]
    except (duckdb.CatalogException, duckdb.BinderException):
        return
    if not is_known:
        raise UsageError(
            f"--known-at lies before the first load, which ended at {first} UTC: nothing was known "
            "yet. Give that moment or a later one."
        )


def _warn_if_ahead(connection: duckdb.DuckDBPyConnection, warn: Warn) -> None:
    """Warn where as_of lies after the newest load: nothing is known of the time between."""
    try:
        newest, is_ahead = connection.execute(
            "select max(finished_at), max(finished_at) < getvariable('as_of') "
            "from partner_center.load_runs where succeeded and "
            "coalesce(finished_at <= cast(getvariable('known_at') as timestamp), true)"
        ).fetchall()[0]
    except duckdb.CatalogException:
        return
    if is_ahead:
        warn(
            f"--as-of lies after the newest load, which ended at {newest} UTC: nothing after that "
            "load is known, so the figures assume that nothing happened."
        )


def _ask(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table | None:
    """The rows, None where the statement gives none to begin with.

    It runs in a thread: DuckDB swallows a signal that comes while it plans.
    """

    def answer_it() -> pa.Table | None:
        relation = connection.sql(sql)
        return None if relation is None else relation.to_arrow_table()

    with ThreadPoolExecutor(1) as pool:
        # The thread starts now: a signal during its start would leave the statement uninterrupted.
        pool.submit(int).result()
        answer = pool.submit(answer_it)
        try:
            wait([answer], timeout=MAX_SECONDS)
        finally:
            while not answer.done():
                connection.interrupt()
                wait([answer], timeout=0.1)
        return answer.result()
