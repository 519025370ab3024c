"""What the user may set for the views: deadlines, exchange rates, the resource of the funnel."""

import csv
import math
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb

from partner_referrals.errors import UsageError, reason_of
from partner_referrals.settings import VIEWS_FUNNEL, VIEWS_FX_RATES, VIEWS_SLA_RULES
from partner_referrals.warehouse.sla_rules import SlaRule, read_sla_rules

FUNNEL_SOURCES = ("referrals", "engagements")
# As Partner Center's own file has them.
_FX_COLUMNS = ("CurrencyCode", "USDPerUnit", "Month")
_MONTH = re.compile(r"(\d{4})(0[1-9]|1[0-2])")


class FxRate(NamedTuple):
    """A row of settings.fx_rates; `month` is the first day of the month."""

    currency_code: str
    month: date
    usd_per_unit: float


class ViewValues(NamedTuple):
    """What the tables in the schema settings hold; `funnel` is None for whichever has rows."""

    sla_rules: list[SlaRule]
    fx_rates: list[FxRate]
    funnel: str | None


@dataclass(frozen=True)
class ViewSettings:
    """Files of response deadlines and of exchange rates, and the resource that the funnel counts.

    Without them: the shipped deadlines, Partner Center's rates, and whichever resource has rows,
    referrals first.
    """

    sla_rules: Path | None = None
    fx_rates: Path | None = None
    funnel: str = ""

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
        VIEWS_SLA_RULES.read_path(), VIEWS_FX_RATES.read_path(), VIEWS_FUNNEL.read()
    )


def read_funnel(text: str) -> str | None:
    """The resource that the funnel counts; None for whichever has rows, referrals first."""
    if text and text not in FUNNEL_SOURCES:
        raise UsageError(
            f"[views] funnel is '{text}', but the funnel can only count "
            f"{' or '.join(FUNNEL_SOURCES)}. The views are as before; correct the setting."
        )
    return text or None


def read_fx_rates(path: Path | None) -> list[FxRate]:
    """The exchange rates that a CSV file holds; none without a file."""
    if path is None:
        return []
    found: dict[tuple[str, date], FxRate] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != _FX_COLUMNS:
                raise ValueError(f"line 1 is not {','.join(_FX_COLUMNS)}")
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


def _read_fx_rate(row: dict[str, str], line: int) -> FxRate:
    if None in row or None in row.values():
        raise ValueError(f"line {line} does not have {len(_FX_COLUMNS)} values")
    code, number, text = (row[name].strip() for name in _FX_COLUMNS)
    month = _MONTH.fullmatch(text)
    if not month or month[1] == "0000":
        raise ValueError(f"line {line}: Month is '{text}', not a month as YYYYMM")
    if not re.fullmatch("[A-Za-z]{3}", code):
        raise ValueError(f"line {line}: CurrencyCode is '{code}', not three letters")
    try:
        usd_per_unit = float(number)
    except ValueError:
        usd_per_unit = math.nan
    if not 0 < usd_per_unit < math.inf:
        raise ValueError(f"line {line}: USDPerUnit is '{number}', not a number above 0")
    return FxRate(code.upper(), date(int(month[1]), int(month[2]), 1), usd_per_unit)


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


def query_fx_rates(rates: list[FxRate]) -> str:
    """The exchange rates as rows of a query."""
    # There are no values without a row.
    rows = [
        f"('{rate.currency_code}', cast('{rate.month}' as date), "
        f"cast({rate.usd_per_unit!r} as double))"
        for rate in rates
    ] or ["(cast(null as varchar), cast(null as date), cast(null as double))"]
    columns = ", ".join(FxRate._fields)
    return (
        f"select {columns} from (values {', '.join(rows)}) as rates ({columns}) "
        "where currency_code is not null"
    )


def query_funnel(source: str | None) -> str:
    """The resource of the funnel as a row of a query."""
    value = f"'{source}'" if source else "null"
    return f"select cast({value} as varchar) as source"
