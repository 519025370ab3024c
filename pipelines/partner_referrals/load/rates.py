"""Keeps the exchange rates of the months in which deals are counted in US dollars."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb

from partner_center.http.client import PartnerCenterClient
from partner_center.listing.exchange_rates import MAX_MISSING, fetch_rates
from partner_center.records.rates import Rate
from partner_referrals.load.progress import Progress
from partner_referrals.warehouse.connection import open_warehouse

# Each is one request; the next loads ask for the others.
MAX_MONTHS = 60


def fetch_missing_rates(
    warehouse: Path, client: PartnerCenterClient, now: datetime, progress: Progress
) -> list[Rate]:
    """The rates of months that the warehouse has none of; a note says why some are missing."""
    if client.resource.rates_path is None:
        return []
    with open_warehouse(warehouse, read_only=True) as connection:
        months = _missing_months(connection, now)
    rates, reasons = fetch_rates(client, months)
    if reasons:
        progress.say(
            f"Some exchange rates of Partner Center are missing: {' '.join(reasons)} The deals "
            "are loaded. The roles Global admin, Admin agent and Sales agent may read them; a file "
            "of your own rates can take their place: [views] fx_rates."
        )
    return rates


def _missing_months(connection: duckdb.DuckDBPyConnection, now: datetime) -> list[date]:
    """Months of closings and the current one: the newest, and of the others each load some.

    Of some months there may be none for good, and MAX_MISSING of these end the asking. So each
    load begins where the one before, which met the newest in vain too, may have ended.
    """
    rows = connection.execute(
        "select month from ("
        "    select date_trunc('month', closed_date_time)::date as month"
        "    from partner_center.engagements"
        "    where valid_to is null and deal_value > 0 and closed_date_time <= $now"
        "    union select date_trunc('month', $now::timestamp)::date"
        ") where month not in ("
        "    select month from partner_center.fx_rates where origin = 'partner_center'"
        ") order by month desc",
        {"now": now},
    ).fetchall()
    ((load_count,),) = connection.execute(
        "select count(*) from partner_center.load_runs where succeeded and resource = 'engagements'"
    ).fetchall()
    months = [month for (month,) in rows]
    newest, others = months[:1], months[1:]
    start = load_count * (MAX_MISSING - 1) % max(len(others), 1)
    return [*newest, *others[start:], *others[:start]][:MAX_MONTHS]


def record_rates(connection: duckdb.DuckDBPyConnection, rates: Sequence[Rate]) -> None:
    """Write rates, in the caller's transaction."""
    for each in rates:
        row = [each.currency_code, each.month]
        connection.execute(
            "delete from partner_center.fx_rates where currency_code = $1 and month = $2 "
            "and origin = 'partner_center'",
            row,
        )
        connection.execute(
            "insert into partner_center.fx_rates by name select $1 as currency_code, "
            "$2::date as month, $3 as usd_per_unit, 'partner_center' as origin",
            [*row, each.usd_per_unit],
        )
