"""How the warehouse is: how fresh, how whole, how clean."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from partner_referrals.warehouse.query import reading_marts
from partner_referrals.warehouse.tables import explain_future_load

# Of each resource.
SHOWN_RUNS = 5

# A load that ended after now was made with a wrong clock, and proves nothing.
_LAST_LOAD = """
select coalesce(
    max(finished_at) filter (coalesce(resource, 'referrals') = 'referrals'), max(finished_at)
)
from partner_center.load_runs
where succeeded and mode <> 'filtered' and finished_at <= $now
"""

_RESOURCES = """
with runs as (
    select * replace (coalesce(resource, 'referrals') as resource) from partner_center.load_runs
), proofs as (
    select * from runs
    where succeeded and mode <> 'filtered' and finished_at <= $now
    qualify row_number() over (partition by resource order by finished_at desc) = 1
)
select
    runs.resource,
    any_value(proofs.finished_at) as last_load_at,
    max(runs.finished_at) filter (
        runs.mode <> 'filtered' and runs.finished_at <= $now
    ) as last_tried_at,
    any_value(proofs.warehouse_total) as warehouse_total,
    any_value(proofs.server_total) as server_total,
    any_value(proofs.reconciled) as is_reconciled,
    count(*) filter (
        not runs.succeeded and (proofs.finished_at is null or runs.finished_at > proofs.finished_at)
    ) as failed_since
from runs
left join proofs on runs.resource = proofs.resource
group by runs.resource
order by runs.resource
"""


@dataclass(frozen=True)
class Status:
    """What `referrals status` shows; times are naive UTC.

    `resources` says of each that was ever asked for when it was loaded and tried last, whether its
    count agreed at that load, and how many loads of it have failed since. `age` is the time since
    the newest succeeded load of referrals without a filter, None before the first.
    `future_load` says what a load means that a wrong clock has put after now; mostly it is empty.
    """

    freshness: dict[str, Any]
    resources: list[dict[str, Any]]
    last_runs: list[dict[str, Any]]
    issue_counts: dict[str, int]
    age: timedelta | None
    future_load: str

    def failing_for(self, limit: timedelta, now: datetime) -> list[str]:
        """The resources that were tried within `limit` before now, but loaded longer ago or never.

        One that nobody asks for any more is not among them.
        """

        def is_within(moment: datetime | None) -> bool:
            return moment is not None and now - moment <= limit

        return [
            row["resource"]
            for row in self.resources
            if is_within(row["last_tried_at"]) and not is_within(row["last_load_at"])
        ]

    @property
    def issue_count(self) -> int:
        """How many data quality issues there are, of all rules."""
        return sum(self.issue_counts.values())


def read_status(warehouse: Path, now: datetime) -> Status:
    """Read the state of the warehouse; raises UsageError where no load ever succeeded."""
    with reading_marts(warehouse) as connection:
        freshness = _rows(connection, "from marts.freshness")[0]
        loaded_at = connection.execute(_LAST_LOAD, {"now": now}).fetchall()[0][0]
        future_load = explain_future_load(connection, now)
        resources = _rows(connection, _RESOURCES, {"now": now})
        runs = _rows(
            connection,
            "select * exclude (run_id) replace (coalesce(resource, 'referrals') as resource) "
            "from partner_center.load_runs "
            f"order by started_at desc limit {SHOWN_RUNS * len(resources)}",
        )
        issues = _rows(
            connection,
            "select rule, count(*) as issue_count from marts.data_quality_issues "
            "group by rule order by issue_count desc, rule",
        )
    return Status(
        freshness=freshness,
        resources=resources,
        last_runs=runs,
        issue_counts={row["rule"]: row["issue_count"] for row in issues},
        age=None if loaded_at is None else now - loaded_at,
        future_load=future_load,
    )


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.sql(sql, params=values).to_arrow_table().to_pylist()
    return rows
