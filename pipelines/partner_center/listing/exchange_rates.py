"""Partner Center's exchange rates, which are fixed for each month."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from partner_center.errors import ReferralsError, UsageError
from partner_center.http.client import PartnerCenterClient
from partner_center.records.envelope import BrokenAnswer

_CURRENCY, _RATE, _MONTH = "CurrencyCode", "USDPerUnit", "Month"
# So many months in a row without rates: there are none.
_MAX_MISSING = 3


@dataclass(frozen=True)
class Rate:
    """What one unit of a currency is worth in US dollars in a month (its first day)."""

    currency_code: str
    month: date
    usd_per_unit: float


def fetch_rates(
    client: PartnerCenterClient, months: Sequence[date]
) -> tuple[list[Rate], str | None]:
    """The rates of each of `months`, and why there are no more of them where some are missing.

    Never raises for an answer of any kind: a user may be allowed deals and not exchange rates.
    """
    path = client.resource.rates_path
    rates: list[Rate] = []
    missing_count = 0
    for month in months if path else ():
        try:
            rates += client.get({}, _read_rates, path and path(month))
            missing_count = 0
        except UsageError:
            # There are none of this month (yet).
            missing_count += 1
            if missing_count == _MAX_MISSING:
                return rates, f"it has none of {month:%Y-%m} and the months around it."
        except ReferralsError as error:
            return rates, error.seen
    return rates, None


def _read_rates(body: bytes) -> list[Rate]:
    try:
        rows = list(csv.DictReader(body.decode("utf-8-sig").splitlines()))
        rates = [_read_rate(row) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise BrokenAnswer(f"exchange rates that cannot be read ({error})") from error
    if not rates:
        raise BrokenAnswer("no exchange rates")
    return rates


def _read_rate(row: dict[str, str]) -> Rate:
    rate = float(row[_RATE])
    month = row[_MONTH].strip()
    if not (math.isfinite(rate) and rate > 0) or len(month) != len("YYYYMM"):
        raise ValueError(f"{rate} for {month}")
    return Rate(row[_CURRENCY].strip().upper(), date(int(month[:4]), int(month[4:]), 1), rate)
