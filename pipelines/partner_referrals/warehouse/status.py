"""How the warehouse is: how fresh, how whole, how clean."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from partner_referrals.errors import UsageError
from partner_referrals.warehouse.query import caged

SHOWN_RUNS = 5

# A load that ended after now was made with a wrong clock, and proves nothing.
_LAST_LOAD = """
select coalesce(
    max(finished_at) filter (coalesce(resource, 'referrals') = 'referrals'), max(finished_at)
)
from partner_center.load_runs
where succeeded and mode <> 'filtered' and finished_at <= $now
"""


@dataclass(frozen=True)
class Status:
    """What `referrals status` shows; times are naive UTC.

    `age` is the time since the newest succeeded load of referrals without a filter, None before
    the first.
    """

    freshness: dict[str, Any]
    last_runs: list[dict[str, Any]]
    issue_counts: dict[str, int]
    age: timedelta | None

    @property
    def issue_count(self) -> int:
        """How many data quality issues there are, of all rules."""
        return sum(self.issue_counts.values())


def read_status(warehouse: Path, now: datetime) -> Status:
    """Read the state of the warehouse; raises UsageError where no load ever succeeded."""
    with caged(warehouse) as connection:
        try:
            freshness = _rows(connection, "from marts.freshness")[0]
            loaded_at = connection.execute(_LAST_LOAD, {"now": now}).fetchall()[0][0]
            runs = _rows(
                connection,
                "select * exclude (run_id) from partner_center.load_runs "
                f"order by started_at desc limit {SHOWN_RUNS}",
            )
            issues = _rows(
                connection,
                "select rule, count(*) as issue_count from marts.data_quality_issues "
                "group by rule order by issue_count desc, rule",
            )
        except duckdb.CatalogException as error:
            raise UsageError(
                f"{warehouse} holds no finished load yet. Run 'referrals load' first."
            ) from error
    return Status(
        freshness=freshness,
        last_runs=runs,
        issue_counts={row["rule"]: row["issue_count"] for row in issues},
        age=None if loaded_at is None else now - loaded_at,
    )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.sql(sql).to_arrow_table().to_pylist()
    return rows
