"""Writes the state of the warehouse into files of their own, for publishing."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from partner_referrals.errors import UsageError
from partner_referrals.warehouse.connection import has_load
from partner_referrals.warehouse.sql_text import identifier, text_literal
from partner_referrals.warehouse.tables import has_table
from partner_referrals.warehouse.views import SCHEMAS

COPY_NAME = "referrals.duckdb"
# The base tables, for engines that make the views themselves.
TABLES_FOLDER = "partner_center"

# What BI tools carry is often an older DuckDB: this is what 1.1 and every later one can open.
_STORAGE_VERSION = "v1.0.0"

# What the views read, and what of it: of the rejects only how many there were when, since the
# records themselves are not for everyone; of a failed run not why.
_NEEDED = {
    "partner_center.referrals": "*",
    "partner_center.referral_rejects": "* replace ('' as record, '' as reason)",
    "partner_center.load_runs": "* replace (null as error)",
    "partner_center.engagements": "*",
    "partner_center.engagement_tags": "*",
    "partner_center.fx_rates": "*",
    "partner_center.search_days": "*",
    "settings.sla_rules": "*",
    "settings.fx_rates": "*",
    "settings.funnel": "*",
}
# Base tables that are published as one Parquet file each.
_SINGLE_FILES = (
    "referral_rejects",
    "load_runs",
    "engagements",
    "engagement_tags",
    "fx_rates",
    "search_days",
)
_NEEDED_SCHEMAS = {"main", *SCHEMAS, *(table.partition(".")[0] for table in _NEEDED)}

# Opened beside the warehouse, whose own name in DuckDB is its file's.
_COPY = "_published_copy"


@dataclass(frozen=True)
class Snapshot:
    """One state of the warehouse: the load that it shows, and the rows of each file by name.

    `as_of` is the end of that load, naive UTC. The rows of the DuckDB copy are its referrals. Names
    are paths from the directory on, with `/`.
    """

    run_id: str
    as_of: datetime
    rows: dict[str, int]


def write_snapshot(connection: duckdb.DuckDBPyConnection, place: Path) -> Snapshot:
    """Write the DuckDB copy, and marts and base tables as Parquet, into the directory `place`.

    Raises UsageError where the warehouse holds no finished load.
    """
    run_id, as_of = _read_newest_load(connection)
    (warehouse,) = connection.execute("select current_database()").fetchall()[0]
    file = text_literal(place / COPY_NAME)
    connection.execute(
        f"attach {file} as {_COPY} (read_write, storage_version '{_STORAGE_VERSION}')"
    )
    connection.execute(f"use {_COPY}")
    _fill_copy(connection, identifier(warehouse))
    rows = _write_marts(connection, place)
    tables = _write_tables(connection, place)
    # Detaching would keep quiet about a disk that is full.
    connection.execute(f"checkpoint {_COPY}")
    connection.execute(f"use {identifier(warehouse)}")
    connection.execute(f"detach {_COPY}")
    return Snapshot(run_id, as_of, {COPY_NAME: rows["referrals.parquet"], **rows, **tables})


def _read_newest_load(connection: duckdb.DuckDBPyConnection) -> tuple[str, datetime]:
    loads: list[tuple[str, datetime]] = []
    if has_load(connection):
        loads = connection.execute(
            "select run_id, finished_at from partner_center.load_runs where succeeded "
            "order by finished_at desc, run_id desc limit 1"
        ).fetchall()
    if not loads:
        raise UsageError(
            "The warehouse holds no finished load yet, so there is nothing to publish. "
            "Run 'referrals load' first."
        )
    return loads[0]


def _fill_copy(connection: duckdb.DuckDBPyConnection, warehouse: str) -> None:
    """Everything's definition with its comments, less what is not needed, and then the rows."""
    connection.execute(f"copy from database {warehouse} to {_COPY} (schema)")
    for kind, schema, name, _ in connection.execute(
        "select 'table' as kind, schema_name, table_name, table_oid as oid from duckdb_tables() "
        "where database_name = $copy union all "
        "select 'view', schema_name, view_name, view_oid from duckdb_views() "
        "where database_name = $copy and not internal "
        # Newest first: a table is dropped before one that it refers to.
        "order by oid desc",
        {"copy": _COPY},
    ).fetchall():
        if schema not in SCHEMAS and f"{schema}.{name}" not in _NEEDED:
            connection.execute(f"drop {kind} {identifier(schema)}.{identifier(name)}")
    for (schema,) in connection.execute(
        "select schema_name from duckdb_schemas() where database_name = $copy and not internal",
        {"copy": _COPY},
    ).fetchall():
        if schema not in _NEEDED_SCHEMAS:
            connection.execute(f"drop schema {identifier(schema)} cascade")
    # A warehouse that was made by an older version may lack some of them.
    for (table,) in connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = $copy",
        {"copy": _COPY},
    ).fetchall():
        if table in _NEEDED:
            connection.execute(
                f"insert into {table} select {_NEEDED[table]} from {warehouse}.{table}"
            )


def _write_marts(connection: duckdb.DuckDBPyConnection, place: Path) -> dict[str, int]:
    """A Parquet file per mart, read from the copy; their rows by file name."""
    rows = {}
    for (mart,) in connection.execute(
        "select view_name from duckdb_views() "
        "where database_name = $copy and schema_name = 'marts' order by view_name",
        {"copy": _COPY},
    ).fetchall():
        name = f"{mart}.parquet"
        rows[name] = connection.execute(
            f"copy (from marts.{identifier(mart)}) to {text_literal(place / name)} (format parquet)"
        ).fetchall()[0][0]
    return rows


def _write_tables(connection: duckdb.DuckDBPyConnection, place: Path) -> dict[str, int]:
    """What the views read as Parquet, referrals by created month; the rows by file name."""
    folder = place / TABLES_FOLDER
    # Referrals without a created date lie where Hive and Spark look for null.
    undated = folder / "referrals" / "created_month=__HIVE_DEFAULT_PARTITION__"
    folder.mkdir()
    options = "format parquet"
    for table in (each for each in _SINGLE_FILES if has_table(connection, each)):
        connection.execute(
            f"copy (from partner_center.{table}) to {text_literal(folder / f'{table}.parquet')} "
            f"({options})"
        )
    connection.execute(
        "copy (select *, strftime(created_date, '%Y-%m') as created_month "
        f"from partner_center.referrals) to {text_literal(folder / 'referrals')} "
        f"({options}, partition_by (created_month), filename_pattern 'referrals')"
    )
    if not undated.exists():
        # Also where nothing else is there, a reader finds the columns.
        undated.mkdir(parents=True)
        connection.execute(
            "copy (from partner_center.referrals limit 0) to "
            f"{text_literal(undated / 'referrals0.parquet')} ({options})"
        )
    # Not by DuckDB, for which `*` and `[` in the name of a directory are patterns.
    return {
        file.relative_to(place).as_posix(): _count_rows(file)
        for file in sorted(folder.rglob("*.parquet"))
    }


def _count_rows(file: Path) -> int:
    with file.open("rb") as opened:
        return int(pq.read_metadata(opened).num_rows)
