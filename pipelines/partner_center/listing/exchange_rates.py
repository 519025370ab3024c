"""Partner Center's exchange rates, which are fixed for each month."""

import csv
from collections.abc import Sequence
from datetime import date

from partner_center.errors import ReferralsError, UsageError
from partner_center.http.client import PartnerCenterClient
from partner_center.records.envelope import BrokenAnswer
from partner_center.records.rates import RATE_COLUMNS, Rate, read_rate

# After this many months in a row without rates, no further ones are asked for.
MAX_MISSING = 3


def fetch_rates(
    client: PartnerCenterClient, months: Sequence[date]
) -> tuple[list[Rate], list[str]]:
    """The rates of each of `months`, and why some of them are missing, in sentences.

    Never raises for an answer of any kind: a user may be allowed deals and not exchange rates.
    """
    path = client.resource.rates_path
    rates: list[Rate] = []
    unusable: list[str] = []
    reasons: list[str] = []
    missing: list[date] = []
    for month in months if path else ():
        try:
            found, left_out = client.get({}, _read_rates, path and path(month))
        except UsageError:
            # There are none of this month (yet).
            found, left_out = [], []
        except ReferralsError as error:
            reasons.append(error.seen)
            break
        rates += found
        unusable += left_out
        missing = [] if found else [*missing, month]
        if len(missing) == MAX_MISSING:
            shown = ", ".join(f"{each:%Y-%m}" for each in missing)
            reasons.append(f"It has none of {shown}; the next loads ask for other months.")
            break
    if unusable:
        reasons.append(f"{len(unusable):,} of its rows cannot be used, the first: {unusable[0]}.")
    return rates, reasons


def _read_rates(body: bytes) -> tuple[list[Rate], list[str]]:
    """The rates of an answer, and what is wrong with the rows that are left out."""
    rates, unusable = [], []
    rows = csv.DictReader(body.decode("utf-8-sig", "replace").splitlines())
    try:
        if not set(RATE_COLUMNS) <= set(rows.fieldnames or ()):
            raise BrokenAnswer("no exchange rates")
        for row in rows:
            try:
                rates.append(read_rate(row))
            except ValueError as error:
                unusable.append(str(error))
    except csv.Error as error:
        raise BrokenAnswer(f"exchange rates that cannot be read ({error})") from error
    return rates, unusable
