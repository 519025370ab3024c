"""What the warehouse holds before a load. A load remembers nothing but this."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from partner_center.schema.fields import DATE_COLUMNS
from partner_referrals.warehouse.tables import CURRENT_REFERRALS, has_table


@dataclass(frozen=True)
class WarehouseState:
    """Where the next load continues.

    `newest_activity` is the newest milestone not after now, `verified_at` the end of the last full
    load whose counts agreed with the server's. Naive UTC; None where there is none yet.
    """

    referral_count: int = 0
    newest_activity: datetime | None = None
    verified_at: datetime | None = None


def read_state(connection: duckdb.DuckDBPyConnection, now: datetime) -> WarehouseState:
    """Read where the next load continues; a warehouse without tables is empty."""
    if not has_table(connection, "referrals"):
        return WarehouseState()
    (count,) = connection.execute(f"select count(*) from {CURRENT_REFERRALS}").fetchall()[0]
    return WarehouseState(
        count, _read_newest_activity(connection, now), _read_verified_at(connection)
    )


def _read_newest_activity(connection: duckdb.DuckDBPyConnection, now: datetime) -> datetime | None:
    """The newest milestone not after now; a later one says nothing about those before it."""
    past = [f"max({column}) filter ({column} <= $now)" for column in DATE_COLUMNS]
    newest: datetime | None = connection.execute(
        "select greatest("
        "    (select max(last_activity_date) from partner_center.referrals"
        "     where last_activity_date <= $now),"
        # Few if any, so that ten columns need not be read in full.
        f"    (select greatest({', '.join(past)}) from partner_center.referrals"
        "     where last_activity_date > $now))",
        {"now": now},
    ).fetchall()[0][0]
    return newest


def _read_verified_at(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    if not has_table(connection, "load_runs"):
        return None
    verified_at: datetime | None = connection.execute(
        "select max(finished_at) from partner_center.load_runs "
        "where mode = 'full' and succeeded and reconciled is distinct from false"
    ).fetchall()[0][0]
    return verified_at


def next_boundary(connection: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """The timestamp at which new versions begin: now, but never before an earlier boundary.

    A clock that was set back would otherwise end versions before they began.
    """
    newest: datetime | None = connection.execute(
        "select greatest(max(valid_from), max(valid_to)) from partner_center.referrals"
    ).fetchall()[0][0]
    return now if newest is None else max(now, newest + timedelta(microseconds=1))
