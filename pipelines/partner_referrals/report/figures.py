"""Reads what the report shows: the referrals to count, and what the marts say of all of them."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from partner_referrals.warehouse.query import reading_marts

_QUERIES = Path(__file__).parent / "queries"

# What other queries of the report read.
_SHARED = ("moment", "rules", "issue_rules")
# Marts of all referrals, for what stands in the HTML without scripts.
_MARTS = (
    "trends",
    "funnel_stages",
    "win_rates",
    "stage_durations",
    "freshness",
    "org_sizes",
    "pipeline",
    "deal_win_rates",
    "loss_reasons",
    "forecasts",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """Everything that the report shows, of one state of the warehouse.

    `referrals` are in the order of listing; `marts` hold the rows of the marts for all referrals.
    """

    as_of: datetime | None
    referrals: pa.Table
    rules: list[Row]
    issue_rules: list[Row]
    marts: dict[str, list[Row]]


def read_figures(
    warehouse: Path, *, as_of: str | None = None, customer_alias: str | None = None
) -> Figures:
    """Read the figures; with `customer_alias`, customers are that word and a number.

    Raises UsageError where the warehouse holds no finished load, or views of another version.
    """
    with reading_marts(warehouse, as_of=as_of) as connection:
        for name in _SHARED:
            connection.execute(f"create temp table {name} as {_query(name)}")
        return Figures(
            as_of=_rows(connection, "select as_of from temp.moment")[0]["as_of"],
            referrals=_read_referrals(connection, customer_alias),
            rules=_rows(connection, "from temp.rules order by place"),
            issue_rules=_rows(connection, "from temp.issue_rules order by place"),
            marts={name: _rows(connection, _query(name)) for name in _MARTS},
        )


def _read_referrals(connection: duckdb.DuckDBPyConnection, customer_alias: str | None) -> pa.Table:
    referrals = connection.sql(_query("referrals")).to_arrow_table()
    if customer_alias is None:
        return referrals
    numbers = {
        row["customer_name"]: f"{customer_alias} {row['customer_number']}"
        for row in _rows(connection, _query("customers"))
    }
    place = referrals.schema.get_field_index("customer_name")
    names = pa.array([numbers.get(name) for name in referrals["customer_name"].to_pylist()])
    return referrals.set_column(place, "customer_name", names.cast(pa.string()))


def first_months(figures: Figures) -> tuple[date | None, date | None]:
    """The first month of the calendar, and the first that lies in it as a whole."""
    months = figures.marts["trends"]
    complete = [row["period_start"] for row in months if row["is_complete"]]
    return (months[0]["period_start"] if months else None, min(complete, default=None))


def overdue_deals(figures: Figures) -> int:
    """How many open deals are past the day on which they were expected to close."""
    return sum(row["overdue_count"] for row in figures.marts["pipeline"])


def _query(name: str) -> str:
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    rows: list[Row] = connection.sql(sql).to_arrow_table().to_pylist()
    return rows
