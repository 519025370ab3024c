"""Reads exchange rates as Partner Center's CSV has them."""

import re
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

RATE_COLUMNS = ("CurrencyCode", "USDPerUnit", "Month")
_MONTH = re.compile(r"(\d{4})(0[1-9]|1[0-2])", re.ASCII)
# What a unit of a currency can be worth: of all since 2018 the least was worth some 1e-7 US dollars
# (Venezuela's, before it lost five zeros), the greatest some 3.3 (Kuwait's); an ounce of gold is
# worth thousands. Within these limits no sum of deal values leaves the range of a double.
_LEAST, _MOST = 1e-9, 1e6


class Rate(NamedTuple):
    """What one unit of a currency is worth in US dollars in a month (its first day)."""

    currency_code: str
    month: date
    usd_per_unit: float


def read_rate(row: Mapping[str, str | None]) -> Rate:
    """A row with RATE_COLUMNS as a rate; raises ValueError, which names column and value."""
    code, number, text = ((row.get(name) or "").strip() for name in RATE_COLUMNS)
    month = _MONTH.fullmatch(text)
    if not month or month[1] == "0000":
        raise ValueError(f"Month is {text[:20]!r}, not a month as YYYYMM")
    if not re.fullmatch("[A-Za-z]{3}", code):
        raise ValueError(f"CurrencyCode is {code[:20]!r}, not three letters")
    try:
        usd_per_unit = float(number)
    except ValueError:
        usd_per_unit = 0.0
    if not _LEAST <= usd_per_unit <= _MOST:
        raise ValueError(
            f"USDPerUnit is {number[:20]!r} for {code}, not a number from {_LEAST:.9f} to "
            f"{_MOST:.0f}"
        )
    return Rate(code.upper(), date(int(month[1]), int(month[2]), 1), usd_per_unit)
