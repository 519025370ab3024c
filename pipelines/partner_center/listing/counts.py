"""The server's own counts of all records of a resource, to compare a load with."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from partner_center.errors import ReferralsError
from partner_center.http.client import PartnerCenterClient
from partner_center.listing.aggregates import fetch_aggregates
from partner_center.schema.fields import known_status

# A source that changes between two requests gives counts that contradict each other.
_ATTEMPTS = 2

# A status and the first day of a created month, either null where the record has none.
Cell = tuple[str | None, date | None]


@dataclass(frozen=True)
class ServerCounts:
    """How many records the server counts now: in all, and per cell where it groups.

    `total` is the larger of the told total and the sum of the groups, since either may leave rows
    out; where they differ, `is_consistent` is false. `reason` says why there are no cells, where
    some were asked for.
    """

    total: int
    cells: Counter[Cell] | None
    is_consistent: bool = True
    reason: str = ""


@dataclass(frozen=True)
class NoCounts:
    """The server does not count; `reason` says how it answered."""

    reason: str


def fetch_counts(
    client: PartnerCenterClient, listed_total: int | None = None
) -> ServerCounts | NoCounts:
    """Count all records, per status and created month if the resource is counted so.

    `listed_total` is what a listing told; it counts where no newer total can be had. Never raises
    for an answer of any kind: what could not be counted comes back as the reason.
    """
    counts = _fetch_once(client, listed_total)
    for _ in range(1, _ATTEMPTS):
        if isinstance(counts, NoCounts) or counts.is_consistent:
            break
        counts = _fetch_once(client, listed_total)
    return counts


def _fetch_once(client: PartnerCenterClient, listed_total: int | None) -> ServerCounts | NoCounts:
    if client.resource.cell is None:
        total = _fetch_total(client, listed_total)
        return NoCounts("it tells no total") if total is None else ServerCounts(total, None)
    # At the same time, so that little changes between them.
    with client.workers() as workers:
        told = workers.submit(_fetch_total, client, listed_total)
        grouped_by = workers.submit(_fetch_cells, client)
        total, cells = told.result(), grouped_by.result()
    if isinstance(cells, str):
        return NoCounts(cells) if total is None else ServerCounts(total, None, reason=cells)
    grouped = cells.total()
    if total is None or total == grouped:
        return ServerCounts(grouped, cells)
    if total < grouped:
        return ServerCounts(grouped, cells, is_consistent=False)
    # The server may stop grouping early, and does not say so (Partner Center docs, "groupby").
    return ServerCounts(total, None, reason=f"its groups add up to {grouped:,} of {total:,}")


def _fetch_total(client: PartnerCenterClient, listed_total: int | None) -> int | None:
    """The total that the server tells beside one row, or else `listed_total`."""
    resource = client.resource
    one_row = resource.paging.parameters(None, 1)
    try:
        total = client.get(one_row, resource.reader.read_page).envelope.total
    except ReferralsError:
        total = None
    return listed_total if total is None else total


def _fetch_cells(client: PartnerCenterClient) -> Counter[Cell] | str:
    """Counts per cell, or why there are none."""
    try:
        aggregates = fetch_aggregates(client, ("status", "createdDate"), "month")
    except ReferralsError as error:
        return error.seen
    if not aggregates.is_whole:
        return "its grouped answer does not hold all groups"
    cells: Counter[Cell] = Counter()
    for row in aggregates.rows:
        month = row["created_date"]
        first_day = None if month is None else month.date().replace(day=1)
        cells[known_status(row["status"]), first_day] += row["referral_count"]
    return cells
