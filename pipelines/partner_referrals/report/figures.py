"""Reads the report's figures: what the marts answer, for each segment that can be chosen."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from partner_referrals.errors import UsageError
from partner_referrals.warehouse.query import caged

_QUERIES = Path(__file__).parent / "queries"

# Each mart of a million referrals is asked once; what several figures share is kept meanwhile.
_SHARED = (
    "shown_moment",
    "shown_rules",
    "duration_edges",
    "shown_segments",
    "shown_referrals",
    "shown_open",
)
_DATASETS = (
    "segments",
    "funnel",
    "trend",
    "cohorts",
    "curves",
    "durations",
    "duration_bins",
    "response_sla",
    "open_ages",
    "open_list",
    "issues",
    "freshness",
)

# By their first referral, so that a number stays when new customers come.
_NUMBER_CUSTOMERS = """
create temp table customers as
select
    customer_name,
    'Customer ' || row_number() over (
        order by min(created_at) nulls last, min(referral_id)
    ) as alias
from temp.shown_referrals
where customer_name is not null
group by customer_name
"""
_RENAME_CUSTOMERS = """
update temp.shown_open set customer_name = customers.alias
from temp.customers where shown_open.customer_name = customers.customer_name
"""

Dataset = dict[str, list[Any]]


def read_figures(
    warehouse: Path, *, as_of: str | None = None, anonymise: bool = False
) -> dict[str, Any]:
    """Everything that the page shows, ready for JSON: `columns` and `rows` of each dataset.

    All of one state of the warehouse. Raises UsageError where it holds no finished load.
    """
    with caged(warehouse, as_of=as_of) as connection:
        try:
            for name in _SHARED:
                connection.execute(f"create temp table {name} as {_query(name)}")
            if anonymise:
                connection.execute(_NUMBER_CUSTOMERS)
                connection.execute(_RENAME_CUSTOMERS)
            return {
                "as_of": _column(connection, "select as_of from temp.shown_moment")[0],
                "is_anonymous": anonymise,
                "rules": _read(connection, "from temp.shown_rules order by limit_hours, rule"),
                "duration_edges": _column(
                    connection, "select edge_hours from temp.duration_edges order by edge_hours"
                ),
                "datasets": {name: _read(connection, _query(name)) for name in _DATASETS},
            }
        except duckdb.CatalogException as error:
            raise UsageError(
                f"{warehouse} holds no finished load yet. Run 'referrals load' first."
            ) from error


def _query(name: str) -> str:
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def _read(connection: duckdb.DuckDBPyConnection, sql: str) -> Dataset:
    answer = connection.execute(sql)
    columns = [column[0] for column in answer.description or ()]
    return {
        "columns": columns,
        "rows": [[_plain(value) for value in row] for row in answer.fetchall()],
    }


def _column(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return [row[0] for row in _read(connection, sql)["rows"]]


def _plain(value: Any) -> Any:
    """A value as JSON has it: times in ISO, fractions to six digits, more than is shown."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return round(value, 6) if isinstance(value, float) else value
