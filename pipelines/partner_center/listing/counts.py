"""The server's own counts of all referrals, to hold a load against."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from partner_center.http.client import PartnerCenterClient, RequestRefused
from partner_center.listing.aggregates import fetch_aggregates
from partner_center.records.page import read_page

# A source that moves between two requests gives counts that contradict each other.
_ATTEMPTS = 2

# A status and the first day of a created month, either null where the record has none.
Cell = tuple[str | None, date | None]


@dataclass(frozen=True)
class ServerCounts:
    """What the server counts now: in all, and per cell where it groups; None where it does not."""

    total: int | None
    cells: Counter[Cell] | None


def fetch_counts(client: PartnerCenterClient) -> ServerCounts:
    """Counts per status and created month, if the server groups and its groups are all there."""
    total = None
    for _ in range(_ATTEMPTS):
        total = client.get({"top": 1, "skip": 0}, read_page).envelope.total
        cells = _fetch_cells(client)
        if cells is None:
            break
        # The server may stop grouping early, and does not say so (Partner Center docs, "groupby").
        if total is None or cells.total() == total:
            return ServerCounts(cells.total(), cells)
    return ServerCounts(total, None)


def _fetch_cells(client: PartnerCenterClient) -> Counter[Cell] | None:
    try:
        aggregates = fetch_aggregates(client, ("status", "createdDate"), "month")
    except RequestRefused:
        return None
    if not aggregates.is_whole:
        return None
    cells: Counter[Cell] = Counter()
    for row in aggregates.rows:
        month = row["created_date"]
        cells[row["status"], None if month is None else month.date()] += row["referral_count"]
    return cells
