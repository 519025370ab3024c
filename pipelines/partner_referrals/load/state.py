"""What the warehouse holds before a load. A load remembers nothing but this."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from partner_center.schema.fields import DATE_COLUMNS
from partner_referrals.load.account import Account, read_account
from partner_referrals.warehouse.tables import CURRENT_REFERRALS, has_table


@dataclass(frozen=True)
class WarehouseState:
    """Where the next load continues.

    `newest_activity` is the newest milestone not after now, `verified_at` the end of the last full
    load whose counts agreed with the server's, `verified_by` the user of that load. Naive UTC; None
    where there is none yet. `account` is whose records these are.
    """

    referral_count: int = 0
    newest_activity: datetime | None = None
    verified_at: datetime | None = None
    verified_by: str | None = None
    account: Account | None = None


def read_state(connection: duckdb.DuckDBPyConnection, now: datetime) -> WarehouseState:
    """Read where the next load continues; a warehouse without tables is empty."""
    if not has_table(connection, "referrals"):
        return WarehouseState(account=read_account(connection))
    (count,) = connection.execute(f"select count(*) from {CURRENT_REFERRALS}").fetchall()[0]
    verified_at, verified_by = _read_verified(connection, now)
    return WarehouseState(
        count,
        _read_newest_activity(connection, now),
        verified_at,
        verified_by,
        read_account(connection),
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


def _read_verified(
    connection: duckdb.DuckDBPyConnection, now: datetime
) -> tuple[datetime | None, str | None]:
    """The end and the user of the last verified full load; one after now proves nothing."""
    if not has_table(connection, "load_runs"):
        return None, None
    # A warehouse of an older version does not have the column.
    has_user = "user_id" in connection.table("partner_center.load_runs").columns
    rows: list[tuple[datetime, str | None]] = connection.execute(
        f"select finished_at, {'user_id' if has_user else 'null'} from partner_center.load_runs "
        "where mode = 'full' and succeeded and reconciled is distinct from false "
        "and finished_at <= $now order by finished_at desc limit 1",
        {"now": now},
    ).fetchall()
    return rows[0] if rows else (None, None)


def next_boundary(connection: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """The timestamp at which new versions begin: now, but never before an earlier boundary.

    A clock that was set back would otherwise end versions before they began.
    """
    newest: datetime | None = connection.execute(
        "select greatest(max(valid_from), max(valid_to)) from partner_center.referrals"
    ).fetchall()[0][0]
    return now if newest is None else max(now, newest + timedelta(microseconds=1))
