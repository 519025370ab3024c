"""Reads what the report shows: the referrals to count, and what the marts say of all of them."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from partner_referrals.warehouse.query import Warn, ignore, reading_marts

_QUERIES = Path(__file__).parent / "queries"

# What other queries of the report read.
_SHARED = ("moment", "rules", "issue_rules", "forecast_items")
# Rounded up, so that "within a day" stays what it was; no longer than 32 bits can say, 68 years.
_WHOLE_SECONDS = """
    create temp macro whole_seconds(days) as
        case when days is not null
            then least(ceil(round(days * 86400000) / 1000), 2147483647)::integer end
"""
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
    "chances",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """Everything that the report shows, of one state of the warehouse.

    `referrals` and `deals` are in the order of listing; `marts` hold the rows of the marts for all
    of them.
    """

    as_of: datetime | None
    referrals: pa.Table
    deals: pa.Table
    rules: list[Row]
    issue_rules: list[Row]
    marts: dict[str, list[Row]]


def read_figures(
    warehouse: Path,
    *,
    as_of: str | None = None,
    customer_alias: str | None = None,
    warn: Warn = ignore,
) -> Figures:
    """Read the figures; with `customer_alias`, customers are that word and a number.

    Raises UsageError where the warehouse holds no finished load, or views of another version.
    """
    with reading_marts(warehouse, as_of=as_of, warn=warn) as connection:
        connection.execute(_WHOLE_SECONDS)
        for name in _SHARED:
            connection.execute(f"create temp table {name} as {_query(name)}")
        referrals, deals = (
            connection.sql(_query(name)).to_arrow_table() for name in ("referrals", "deals")
        )
        if customer_alias is not None:
            aliases = {
                row["customer_name"]: f"{customer_alias} {row['customer_number']}"
                for row in _rows(connection, _query("customers"))
            }
            referrals = _replace_texts(referrals, "customer_name", aliases)
            deals = _replace_texts(deals, "customer_name", aliases)
            # A deal is often called after its customer.
            deals = _replace_texts(deals, "deal_name", {})
        return Figures(
            as_of=_rows(connection, "select as_of from temp.moment")[0]["as_of"],
            referrals=referrals,
            deals=deals,
            rules=_rows(connection, "from temp.rules order by place"),
            issue_rules=_rows(connection, "from temp.issue_rules order by place"),
            marts={name: _rows(connection, _query(name)) for name in _MARTS},
        )


def _replace_texts(table: pa.Table, column: str, replacements: dict[str, str]) -> pa.Table:
    """The table with each text of `column` replaced; null where nothing stands for it."""
    texts = pa.array([replacements.get(text) for text in table[column].to_pylist()], pa.string())
    return table.set_column(table.schema.get_field_index(column), column, texts)


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
