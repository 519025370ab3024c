"""What the warehouse holds before a load. A load remembers nothing but this."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from partner_center.resources import REFERRALS, Resource
from partner_referrals.warehouse.account import Account, read_account
from partner_referrals.warehouse.tables import has_table


@dataclass(frozen=True)
class WarehouseState:
    """Where the next load of a resource continues.

    `newest_activity` is the newest change not after now, `verified_at` the end of the last full
    load whose counts agreed with the server's, `verified_by` the user of that load. Naive UTC; None
    where there is none yet. `account` is whose records these are, and `is_new` says that this load
    made the file.
    """

    newest_activity: datetime | None = None
    verified_at: datetime | None = None
    verified_by: str | None = None
    account: Account | None = None
    is_new: bool = False


def read_state(
    connection: duckdb.DuckDBPyConnection, now: datetime, resource: Resource = REFERRALS
) -> WarehouseState:
    """Read where the next load continues; a warehouse without tables is empty."""
    account = read_account(connection)
    if not (has_table(connection, resource.table.name) and has_table(connection, "load_runs")):
        return WarehouseState(account=account)
    verified_at, verified_by, loaded_until = _read_runs(connection, now, resource)
    return WarehouseState(
        _read_newest_activity(connection, now, loaded_until, resource),
        verified_at,
        verified_by,
        account,
    )


def _read_newest_activity(
    connection: duckdb.DuckDBPyConnection,
    now: datetime,
    loaded_until: datetime | None,
    resource: Resource,
) -> datetime | None:
    """The newest change not after now; a later one says nothing about those before it.

    Nor does what a load with a filter brought since `loaded_until`, the end of the last other one.
    """
    table, cursor = f"partner_center.{resource.table.name}", resource.cursor
    if resource.is_versioned:
        table = f"(select * from {table} where valid_from <= $loaded_until)"
    past = [f"max({column}) filter ({column} <= $now)" for column in resource.activity_columns]
    newest: datetime | None = connection.execute(
        "select greatest("
        f"    (select max({cursor}) from {table} where {cursor} <= $now),"
        # Few if any, so that ten columns need not be read in full.
        f"    (select greatest({', '.join(past)}) from {table} where {cursor} > $now)"
        ")::timestamp",
        {"now": now} | ({"loaded_until": loaded_until} if resource.is_versioned else {}),
    ).fetchall()[0][0]
    return newest


def _read_runs(
    connection: duckdb.DuckDBPyConnection, now: datetime, resource: Resource
) -> tuple[datetime | None, str | None, datetime | None]:
    """The end and the user of the last verified full load; the end of the last without a filter.

    A verified load after now proves nothing.
    """
    rows: list[tuple[datetime | None, str | None, datetime | None]] = connection.execute(
        "select"
        "    max(finished_at) filter (is_verified),"
        "    nullif(max_by(coalesce(user_id, ''), finished_at) filter (is_verified), ''),"
        "    max(finished_at) filter (succeeded and mode <> 'filtered') "
        "from (select *, mode = 'full' and is_good and finished_at <= $now as is_verified "
        f"from {_runs_of(connection)} where resource = $resource)",
        {"now": now, "resource": resource.name},
    ).fetchall()
    return rows[0]


def _runs_of(connection: duckdb.DuckDBPyConnection) -> str:
    """The runs as SQL; a warehouse of an older version does not have all of these columns."""
    columns = connection.table("partner_center.load_runs").columns
    user = "user_id" if "user_id" in columns else "null"
    loaded = "resource" if "resource" in columns else "'referrals'"
    return (
        f"(select finished_at, mode, succeeded, {loaded} as resource, "
        f"{user} as user_id, succeeded and reconciled is distinct from false as is_good "
        "from partner_center.load_runs)"
    )


def next_boundary(
    connection: duckdb.DuckDBPyConnection, now: datetime, resource: Resource
) -> datetime:
    """The timestamp at which new versions begin: now, but never before an earlier boundary.

    A clock that was set back would otherwise end versions before they began.
    """
    newest: datetime | None = connection.execute(
        f"select greatest(max(valid_from), max(valid_to)) from partner_center.{resource.table.name}"
    ).fetchall()[0][0]
    return now if newest is None else max(now, newest + timedelta(microseconds=1))
