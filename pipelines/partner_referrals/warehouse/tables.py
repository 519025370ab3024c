"""The tables that DuckDB itself writes: one row per run, and the server's counts."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import duckdb

# Kept in the order of the columns; `referral_totals` and `load_runs` are created empty so that
# views over them bind from the first load on.
_CREATE = """
create schema if not exists partner_center;
create table if not exists partner_center.referral_totals (
    counted_at timestamp,
    status varchar,
    created_month date,
    referral_count bigint
);
create table if not exists partner_center.load_runs (
    run_id varchar,
    started_at timestamp,
    finished_at timestamp,
    mode varchar,
    succeeded boolean,
    rows_received bigint,
    rows_new bigint,
    rows_changed bigint,
    rows_unchanged bigint,
    rows_rejected bigint,
    rows_vanished bigint,
    requests bigint,
    retries bigint,
    server_total bigint,
    warehouse_total bigint,
    reconciled boolean,
    error varchar
);
"""


CURRENT_REFERRALS = "(from partner_center.referrals where valid_to is null)"


@dataclass
class LoadRun:
    """One run of `referrals load`, as it stands in `partner_center.load_runs`.

    Times are naive UTC. `reconciled` is None where the server told no count to compare with.
    """

    run_id: str
    started_at: datetime
    finished_at: datetime | None = None
    mode: str = "full"
    succeeded: bool = False
    rows_received: int = 0
    rows_new: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    rows_vanished: int = 0
    requests: int = 0
    retries: int = 0
    server_total: int | None = None
    warehouse_total: int | None = None
    reconciled: bool | None = None
    error: str | None = None

    def as_row(self) -> dict[str, Any]:
        """The run by column name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables where they lack."""
    connection.execute(_CREATE)


def record_run(connection: duckdb.DuckDBPyConnection, run: LoadRun) -> None:
    """Write the run's row, in the caller's transaction."""
    row = run.as_row()
    marks = ", ".join(f"${name}" for name in row)
    connection.execute(
        f"insert into partner_center.load_runs ({', '.join(row)}) values ({marks})", row
    )


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether `partner_center` holds a table of that name."""
    try:
        # A tenth of what a look into DuckDB's catalogue tables takes.
        connection.execute(f"from partner_center.{name} limit 0").fetchall()
    except duckdb.CatalogException:
        return False
    return True
