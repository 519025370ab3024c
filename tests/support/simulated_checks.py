"""What must hold of a warehouse after each night of the simulation."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from support import oracle
from support.oracle import Load, Version
from support.simulated_source import Row
from support.views import assert_same, read

TABLES = {"referrals": "referrals", "engagements": "engagements", "search": "search_days"}
VERSIONED = ("referrals", "engagements")
# Tables that are made after that of their resource.
_MADE_AFTER = {"referrals": ("referral_rejects",), "engagements": ("engagement_tags",)}

_UNBROKEN = """
select 'two current versions', id from partner_center.{table} where valid_to is null
group by id having count(*) > 1
union all
select 'a gap', id from partner_center.{table}
qualify valid_to is distinct from lead(valid_from) over (partition by id order by valid_from)
union all
select 'a version like the one before', id from partner_center.{table}
qualify content_hash = lag(content_hash) over (partition by id order by valid_from)
union all
select 'a version without duration', id from partner_center.{table} where valid_to <= valid_from
"""
_CURRENT = {
    "referrals": "select id, status, customer_name, created_date, accepted_date, won_date, "
    "lost_date from partner_center.referrals where valid_to is null and is_listed",
    "engagements": "select id, substatus, deal_value, updated_date_time, coalesce((select "
    "list(value order by value) from partner_center.engagement_tags as tags "
    "where tags.id = deals.id and kind = 'industry'), []) from partner_center.engagements as deals "
    "where valid_to is null and is_listed",
    "search": "select search_date, keyword_search_text from partner_center.search_days",
}
_MILESTONES = (
    "created_date", "acknowledged_date", "accepted_date", "won_date", "lost_date",
    "declined_date", "expired_date", "missed_date", "skipped_date", "archived_date",
)  # fmt: skip


@contextmanager
def reading(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for reading the warehouse; an empty one where there is none."""
    place = str(warehouse) if warehouse.exists() else ":memory:"
    with duckdb.connect(place, read_only=warehouse.exists()) as connection:
        yield connection


def has(connection: duckdb.DuckDBPyConnection, resource: str) -> bool:
    """Whether the warehouse has the tables of a resource."""
    # A load that was killed may have made the one and not the other.
    names = [TABLES[resource], *_MADE_AFTER.get(resource, ())]
    found = connection.execute(
        "select table_name from duckdb_tables() "
        "where schema_name = 'partner_center' and table_name in (select unnest($1))",
        [names],
    )
    return len(found.fetchall()) == len(names)


def require_unbroken(connection: duckdb.DuckDBPyConnection) -> None:
    """Each id has one current version, and its history has no gap."""
    for resource in VERSIONED:
        if has(connection, resource):
            broken = connection.execute(_UNBROKEN.format(table=TABLES[resource])).fetchall()
            assert [] == broken, resource
    if has(connection, "referrals"):
        repeated = connection.execute(
            "select record, reason from partner_center.referral_rejects "
            "group by all having count(*) > 1"
        ).fetchall()
        assert [] == repeated


def listed(connection: duckdb.DuckDBPyConnection, resource: str) -> Any:
    """What the warehouse shows as listed now, in the form of Source.expected."""
    rows = connection.execute(_CURRENT[resource]).fetchall() if has(connection, resource) else []
    if resource == "search":
        return Counter(rows)
    hashable = [tuple(tuple(e) if isinstance(e, list) else e for e in row) for row in rows]
    assert len({row[0] for row in hashable}) == len(hashable)
    return {row[0]: row[1:] for row in hashable}


def sizes(resource: str, rows: Any) -> Counter[Any]:
    """How many of `listed` the server counts together: referrals of one status, else all."""
    if resource == "search":
        return Counter({"all": rows.total()})
    return Counter(row[0] if resource == "referrals" else "all" for row in rows.values())


def share_gone(before: Any, now: Any) -> float:
    """The share of what was `listed` that is there no more; equal searches count one by one."""
    if isinstance(before, Counter):
        return (before - now).total() / max(before.total(), 1)
    return len(before.keys() - now.keys()) / max(len(before), 1)


class Before:
    """What a warehouse holds of a resource before a load that begins `now`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, resource: str, now: datetime) -> None:
        self.listed = listed(connection, resource)
        self.version_count = count_versions(connection, resource)
        self.ids = all_ids(connection, resource)
        self.vanishings = vanishings(connection, resource)
        self.newest = newest_activity(connection, resource, now)
        self.verified_at, self.verified_by = _verified(connection, resource, now)


def _verified(
    connection: duckdb.DuckDBPyConnection, resource: str, now: datetime
) -> tuple[datetime | None, str | None]:
    """The end and the user of the newest full load whose counts did not differ."""
    try:
        loads = connection.execute(
            "select finished_at, user_id from partner_center.load_runs "
            "where resource = $1 and mode = 'full' "
            "and succeeded and reconciled is distinct from false and finished_at <= $2 "
            "order by finished_at desc limit 1",
            [resource, now],
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        # No load yet, or a warehouse of an older version.
        return None, None
    return loads[0] if loads else (None, None)


def all_ids(connection: duckdb.DuckDBPyConnection, resource: str) -> set[str]:
    """Every id that was ever loaded."""
    if resource not in VERSIONED or not has(connection, resource):
        return set()
    found = connection.execute(f"select distinct id from partner_center.{TABLES[resource]}")
    return {record_id for (record_id,) in found.fetchall()}


def vanishings(connection: duckdb.DuckDBPyConnection, resource: str) -> set[Row]:
    """Which record was found gone, and when, each time."""
    if resource not in VERSIONED or not has(connection, resource):
        return set()
    return set(
        connection.execute(
            f"select id, valid_from from partner_center.{TABLES[resource]} where not is_listed"
        ).fetchall()
    )


def count_versions(connection: duckdb.DuckDBPyConnection, resource: str) -> int:
    """How many versions the warehouse has of all records of a resource."""
    if not has(connection, resource):
        return 0
    rows = connection.execute(f"select count(*) from partner_center.{TABLES[resource]}").fetchall()
    return int(rows[0][0])


def newest_activity(
    connection: duckdb.DuckDBPyConnection, resource: str, now: datetime
) -> datetime | None:
    """The newest date that tells of a change, not after `now`."""
    if not has(connection, resource):
        return None
    names = {"engagements": ["updated_date_time"], "search": ["search_date"]}
    newest = None
    for name in names.get(resource, _MILESTONES):
        (found,) = connection.execute(
            f"select max({name})::timestamp from partner_center.{TABLES[resource]} "
            f"where {name} <= $1",
            [now],
        ).fetchall()[0]
        newest = max(filter(None, (newest, found)), default=None)
    return newest


def require_fresh(
    expected: dict[str, Row] | Counter[Row], held: Any, resource: str, since: datetime
) -> None:
    """What changed since then is held as the source shows it."""
    if resource == "search":
        since_day = since.date()
        for row, count in expected.items():
            assert not row[0] or row[0] < since_day or held[row] >= count, row
        return
    for record_id, row in expected.items():
        dates = row[2:] if resource == "referrals" else row[2:3]
        if any(moment is not None and moment >= since for moment in dates):
            assert held.get(record_id) == row, record_id


@dataclass(frozen=True)
class Snapshot:
    """Which versions held at a moment, as the warehouse said then."""

    resource: str
    moment: datetime
    versions: frozenset[Row]

    def require_kept(self, connection: duckdb.DuckDBPyConnection) -> None:
        """The warehouse still tells the same of that moment."""
        assert self.versions == _versions_at(connection, self.resource, self.moment), self.moment


def take_snapshot(connection: duckdb.DuckDBPyConnection, resource: str) -> Snapshot | None:
    """What holds now; None where nothing was ever loaded."""
    (moment,) = connection.execute(
        f"select greatest(max(valid_from), max(valid_to)) from partner_center.{TABLES[resource]}"
    ).fetchall()[0]
    if moment is None:
        return None
    return Snapshot(resource, moment, _versions_at(connection, resource, moment))


def _versions_at(
    connection: duckdb.DuckDBPyConnection, resource: str, moment: datetime
) -> frozenset[Row]:
    return frozenset(
        connection.execute(
            f"select id, content_hash, is_listed from partner_center.{TABLES[resource]} "
            "where valid_from <= $1 and (valid_to is null or valid_to > $1)",
            [moment],
        ).fetchall()
    )


def require_figures(connection: duckdb.DuckDBPyConnection) -> None:
    """Marts of the funnel are what plain Python makes of the base tables."""
    warehouse = _read(connection)
    if not warehouse.versions:
        return
    for mart in (oracle.funnel_stages, oracle.outcomes, oracle.referral_history):
        assert_same(mart(warehouse), read(connection, mart.__name__), mart.__name__)


def _read(connection: duckdb.DuckDBPyConnection) -> oracle.Warehouse:
    relation = connection.sql("from partner_center.referrals").to_arrow_table()
    versions = [
        Version(
            row["id"],
            {name: row[name] for name in oracle.TEXTS},
            {name: row[f"{name}_date"] for name in oracle.MILESTONES},
            row["is_listed"],
            row["valid_from"],
            row["valid_to"],
        )
        for row in relation.to_pylist()
    ]
    loads = [
        Load(*row)
        for row in connection.execute(
            "select finished_at, succeeded, server_total, reconciled, mode, resource "
            "from partner_center.load_runs"
        ).fetchall()
    ]
    rejected = connection.execute("select rejected_at from partner_center.referral_rejects")
    return oracle.Warehouse(versions, loads, [moment for (moment,) in rejected.fetchall()])


def require_no_secret(place: Path, secrets: list[str]) -> None:
    """No file below `place` holds a secret."""
    for file in place.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for secret in secrets:
                assert secret.encode() not in content, file
