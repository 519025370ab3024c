"""The tables of the warehouse: made, completed, and written where DuckDB itself writes them."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, get_type_hints

import duckdb
import pyarrow as pa

from partner_center.schema.tables import (
    BOOLEAN,
    DATE,
    SOURCE_TABLES,
    TEXT,
    TIMESTAMP,
    WHOLE_NUMBER,
    Table,
    column,
)
from partner_referrals.errors import WarehouseFailed
from partner_referrals.warehouse.sql_text import text_literal


def current_rows(table: Table) -> str:
    """SQL for the rows of a table that hold now."""
    where = " where valid_to is null" if "valid_to" in table.schema.names else ""
    return f"(from partner_center.{table.name}{where})"


# As DuckDB and PostgreSQL both spell them.
SQL_TYPES = {
    "string": "varchar",
    "timestamp[us]": "timestamp",
    "date32[day]": "date",
    "bool": "boolean",
    "int64": "bigint",
    "double": "double precision",
    "decimal128(18, 2)": "decimal(18, 2)",
}
_ARROW_TYPES = {str: TEXT, datetime: TIMESTAMP, bool: BOOLEAN, int: WHOLE_NUMBER}


def _means(meaning: str) -> dict[str, str]:
    return {"comment": meaning}


@dataclass
class LoadRun:
    """One run of a load, as it stands in `partner_center.load_runs`; times are naive UTC."""

    run_id: str = field(metadata=_means("identifier of the run"))
    started_at: datetime = field(metadata=_means("when the run began, UTC"))
    finished_at: datetime | None = field(default=None, metadata=_means("when it ended, UTC"))
    mode: str = field(
        default="full",
        metadata=_means(
            "full: everything was listed; incremental: what changed lately; filtered: what "
            "`--filter` asked for"
        ),
    )
    succeeded: bool = field(
        default=False, metadata=_means("true when its rows were merged and the views in place")
    )
    rows_received: int = field(
        default=0, metadata=_means("records that Partner Center sent, repeated ones too")
    )
    rows_new: int = field(default=0, metadata=_means("records seen for the first time"))
    rows_changed: int = field(default=0, metadata=_means("known records that had changed"))
    rows_unchanged: int = field(default=0, metadata=_means("known records that were as before"))
    rows_rejected: int = field(default=0, metadata=_means("records that could not be read"))
    rows_vanished: int = field(default=0, metadata=_means("records found to be no longer listed"))
    requests: int = field(default=0, metadata=_means("requests sent"))
    retries: int = field(default=0, metadata=_means("of these, the ones that were sent again"))
    server_total: int | None = field(
        default=None, metadata=_means("records that Partner Center counted; null if it did not")
    )
    warehouse_total: int | None = field(
        default=None,
        metadata=_means(
            "what Partner Center should have counted: listed records, and rejects of the run; null "
            "if they were not counted"
        ),
    )
    reconciled: bool | None = field(
        default=None, metadata=_means("whether the two counts agreed; null if not compared")
    )
    error: str | None = field(
        default=None, metadata=_means("why it failed, a sentence; null if it did not")
    )
    resource: str = field(
        default="referrals", metadata=_means("what was loaded: referrals, engagements or search")
    )
    base_url: str | None = field(default=None, metadata=_means("address that was asked"))
    tenant_id: str | None = field(
        default=None, metadata=_means("tenant of the account; null where nothing names it")
    )
    user_id: str | None = field(
        default=None, metadata=_means("who was signed in (`oid`); null if the token does not say")
    )

    def as_row(self) -> dict[str, Any]:
        """The run by column name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _schema_of(declared: type) -> pa.Schema:
    """The columns that the fields of a dataclass declare."""
    hints = get_type_hints(declared)
    return pa.schema(
        [
            column(each.name, _arrow_type(hints[each.name]), each.metadata["comment"])
            for each in fields(declared)
        ]
    )


def _arrow_type(hint: Any) -> pa.DataType:
    kinds = [each for each in getattr(hint, "__args__", (hint,)) if each is not type(None)]
    return _ARROW_TYPES[kinds[0]]


LOAD_RUNS = Table(
    "load_runs",
    "Runs of `referrals load`, the failed ones too.\nGrain: one row per run_id",
    _schema_of(LoadRun),
)
REFERRAL_TOTALS = Table(
    "referral_totals",
    "Partner Center's own counts at each load; after 400 days only the last ones of each month "
    "are kept.\nGrain: one row per counted_at, status, created_month",
    pa.schema(
        [
            column("counted_at", TIMESTAMP, "when the load that asked for them ended, UTC"),
            column("status", TEXT, "the status as Partner Center spelt it"),
            column(
                "created_month", DATE, "first day of the month of creation, UTC; null if undated"
            ),
            column("referral_count", WHOLE_NUMBER, "referrals that Partner Center counted"),
        ]
    ),
)
TABLES = (*SOURCE_TABLES, REFERRAL_TOTALS, LOAD_RUNS)


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that are missing, and add the columns that an older warehouse lacks.

    All of them exist afterwards, also empty, so that every view binds. Raises what
    `require_own_columns` raises.
    """
    found = _read_columns(connection)
    _require_own(found)
    connection.execute("create schema if not exists partner_center")
    for table in TABLES:
        _complete(connection, table, found.get(table.name))


def require_own_columns(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise WarehouseFailed where a table that a load writes has other columns than it writes.

    Columns that an older warehouse may lack are not missed.
    """
    _require_own(_read_columns(connection))


def _require_own(found: dict[str, dict[str, str | None]]) -> None:
    for table in (each for each in TABLES if each.name in found):
        needed = {each.name for each in table.schema if not each.nullable}
        columns = found[table.name].keys()
        if odd := sorted((columns - set(table.schema.names)) | (needed - columns)):
            raise WarehouseFailed(
                f"The columns of partner_center.{table.name} are not those that a load writes; too "
                f"many or missing: {', '.join(odd)}. Nothing was changed. If the file is another "
                "program's, name another with --warehouse; otherwise restore the table and load "
                "again."
            )


def _read_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str | None]]:
    """By table and column the comment on each column of `partner_center`."""
    found: dict[str, dict[str, str | None]] = {}
    for table, name, comment in connection.execute(
        "select table_name, column_name, comment from duckdb_columns() "
        "where schema_name = 'partner_center' and database_name = current_database()"
    ).fetchall():
        found.setdefault(table, {})[name] = comment
    return found


def _complete(
    connection: duckdb.DuckDBPyConnection, table: Table, found: dict[str, str | None] | None
) -> None:
    name = f"partner_center.{table.name}"
    if found is None:
        connection.execute(f"create table {name} ({column_definitions(table)})")
        connection.execute(f"comment on table {name} is {text_literal(table.meaning)}")
    for each in table.schema:
        if found is not None and each.name not in found:
            # Rows that are there already have no value for it, so nullable whatever is declared.
            connection.execute(
                f"alter table {name} add column {_declare(each.with_nullable(True))}"
            )
            if each.name == "resource":
                # The only one that there was before this column.
                connection.execute(f"update {name} set resource = 'referrals'")
    for column_name, meaning in table.column_meanings.items():
        if (found or {}).get(column_name) != meaning:
            connection.execute(f"comment on column {name}.{column_name} is {text_literal(meaning)}")


def column_definitions(table: Table) -> str:
    """What stands between the brackets of `create table`, for DuckDB and PostgreSQL."""
    return ", ".join(map(_declare, table.schema))


def _declare(declared: pa.Field) -> str:
    ending = "" if declared.nullable else " not null"
    return f"{declared.name} {SQL_TYPES[str(declared.type)]}{ending}"


def record_run(connection: duckdb.DuckDBPyConnection, run: LoadRun) -> None:
    """Write the run's row, in the caller's transaction."""
    row = run.as_row()
    marks = ", ".join(f"${name}" for name in row)
    connection.execute(
        f"insert into partner_center.load_runs ({', '.join(row)}) values ({marks})", row
    )


def explain_future_load(connection: duckdb.DuckDBPyConnection, now: datetime) -> str:
    """What a succeeded load that ended after now means for the figures; empty if there is none.

    The marts answer as of the newest one; `now` is naive UTC.
    """
    newest: datetime | None = connection.execute(
        "select max(finished_at) from partner_center.load_runs where succeeded"
    ).fetchall()[0][0]
    if newest is None or newest <= now:
        return ""
    return (
        f"A load ended at {newest:%Y-%m-%d %H:%M} UTC, which is later than now: the clock was "
        "wrong then. Every figure is as of that moment until it has passed. Put back a backup of "
        "before that load; or delete its rows with a client of the database: delete from "
        "partner_center.load_runs where finished_at > now() at time zone 'UTC'."
    )


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether `partner_center` holds a table of that name."""
    try:
        # A tenth of what a look into DuckDB's catalogue tables takes.
        connection.execute(f"from partner_center.{name} limit 0").fetchall()
    except duckdb.CatalogException:
        return False
    return True
