"""What the user may set for the views: deadlines, exchange rates, the resource of the funnel."""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb

from partner_center.records.rates import RATE_COLUMNS, Rate, read_rate
from partner_referrals.errors import UsageError, reason_of
from partner_referrals.settings import (
    PIPELINE_MATERIALISE,
    VIEWS_FUNNEL,
    VIEWS_FX_RATES,
    VIEWS_SLA_RULES,
)
from partner_referrals.warehouse.sla_rules import SlaRule, read_sla_rules

FUNNEL_SOURCES = ("referrals", "engagements")


class ViewValues(NamedTuple):
    """What the tables in the schema settings hold; `funnel` is None for whichever has rows."""

    sla_rules: list[SlaRule]
    fx_rates: list[Rate]
    funnel: str | None


@dataclass(frozen=True)
class ViewSettings:
    """Files of response deadlines and of exchange rates, and the resource that the funnel counts.

    Without them: the shipped deadlines, Partner Center's rates, and whichever resource has rows,
    referrals first. With `materialise`, PostgreSQL keeps what the marts answer.
    """

    sla_rules: Path | None = None
    fx_rates: Path | None = None
    funnel: str = ""
    materialise: bool = False

    def read(self, folder: Path) -> ViewValues:
        """What they say, with the deadlines that `folder` ships; UsageError where that is bad."""
        return ViewValues(
            read_sla_rules(self.sla_rules or folder / "seeds" / "sla_rules.csv"),
            read_fx_rates(self.fx_rates),
            read_funnel(self.funnel),
        )


AS_SHIPPED = ViewSettings()


def read_view_settings() -> ViewSettings:
    """What the configuration says about the views."""
    return ViewSettings(
        VIEWS_SLA_RULES.read_path(),
        VIEWS_FX_RATES.read_path(),
        VIEWS_FUNNEL.read(),
        PIPELINE_MATERIALISE.read_flag(),
    )


def read_funnel(text: str) -> str | None:
    """The resource that the funnel counts; None for whichever has rows, referrals first."""
    if text and text not in FUNNEL_SOURCES:
        raise UsageError(
            f"[views] funnel is '{text}', but the funnel can only count "
            f"{' or '.join(FUNNEL_SOURCES)}. The views are as before; correct the setting."
        )
    return text or None


def read_fx_rates(path: Path | None) -> list[Rate]:
    """The exchange rates that a CSV file holds; none without a file."""
    if path is None:
        return []
    found: dict[tuple[str, date], Rate] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != RATE_COLUMNS:
                raise ValueError(f"line 1 is not {','.join(RATE_COLUMNS)}")
            for row in rows:
                rate = _read_fx_rate(row, rows.line_num)
                if found.setdefault((rate.currency_code, rate.month), rate) != rate:
                    raise ValueError(
                        f"line {rows.line_num} gives {rate.currency_code} another rate for "
                        f"{rate.month:%Y%m}"
                    )
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(
            f"The exchange rates in {path} cannot be used: {reason_of(error)}. The views are as "
            "before. Correct the file, or leave `fx_rates` empty for Partner Center's rates."
        ) from error
    return list(found.values())


def _read_fx_rate(row: dict[str, str], line: int) -> Rate:
    if None in row or None in row.values():
        raise ValueError(f"line {line} does not have {len(RATE_COLUMNS)} values")
    try:
        return read_rate(row)
    except ValueError as error:
        raise ValueError(f"line {line}: {error}") from None


def fill_settings(connection: duckdb.DuckDBPyConnection, values: ViewValues) -> None:
    """Replace settings.sla_rules, settings.fx_rates and settings.funnel."""
    connection.execute("create schema if not exists settings")
    connection.execute(
        "create or replace table settings.sla_rules(rule varchar not null, "
        "applies_from timestamp, applies_to timestamp, limit_hours integer not null)"
    )
    for rule in values.sla_rules:
        connection.execute("insert into settings.sla_rules values (?, ?, ?, ?)", rule)
    connection.execute(
        "create or replace table settings.fx_rates("
        "currency_code varchar not null, month date not null, usd_per_unit double not null)"
    )
    if values.fx_rates:
        connection.executemany("insert into settings.fx_rates values (?, ?, ?)", values.fx_rates)
    connection.execute("create or replace table settings.funnel(source varchar)")
    connection.execute("insert into settings.funnel values (?)", [values.funnel])


def query_fx_rates(rates: list[Rate]) -> str:
    """The exchange rates as rows of a query."""
    # There are no values without a row.
    rows = [
        f"('{rate.currency_code}', cast('{rate.month}' as date), "
        f"cast({rate.usd_per_unit!r} as double))"
        for rate in rates
    ] or ["(cast(null as varchar), cast(null as date), cast(null as double))"]
    columns = ", ".join(Rate._fields)
    return (
        f"select {columns} from (values {', '.join(rows)}) as rates ({columns}) "
        "where currency_code is not null"
    )


def query_funnel(source: str | None) -> str:
    """The resource of the funnel as a row of a query."""
    value = f"'{source}'" if source else "null"
    return f"select cast({value} as varchar) as source"
