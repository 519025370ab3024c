"""Everything the server has, also where its rows move while they are paged."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from partner_center.errors import ReferralsError, RequestRefused, TryAgainLater
from partner_center.http.client import PartnerCenterClient
from partner_center.listing.filters import created_between, created_in
from partner_center.listing.lister import Lister, Listing

# Between these, a window is halved until it fits one page; what lies outside is one window each.
_FIRST, _LAST = datetime(2000, 1, 1), datetime(2100, 1, 1)


def list_everything(lister: Lister, directory: Path) -> Listing:
    """Read all records; what paging cannot verify is cut into windows of the created date.

    A window that fits one page is one answer, in which nothing can move. Without date filters or
    totals the unverified listing comes back as it is.
    """
    listing = lister.read(None, directory)
    has_windows = lister.client.resource.created_field is not None
    if listing.is_complete is not False or listing.total is None or not has_windows:
        return listing
    try:
        windows = list(_windows(lister.client, lister.settings.page_size))
        listings = _list_each(lister, windows, directory / "windows")
    except TryAgainLater:
        raise
    except ReferralsError:
        return listing
    total = _count(lister.client, None)
    is_complete = all(each.is_complete for each in listings) and (
        total == sum(each.counted for each in listings)
    )
    # The plain listing is kept, but a later row of the same referral counts: paths are in order.
    together = _together([listing, *listings], None, total, is_complete)
    return replace(together, counted=sum(each.counted for each in listings))


def list_months(lister: Lister, months: Sequence[date | None], directory: Path) -> Listing:
    """Read the referrals created in each of `months` (their first days; None: without a date)."""
    filters = [created_in(month) for month in months]
    listings = _list_each(lister, filters, directory)
    return _together(listings, " or ".join(f"({each})" for each in filters), None, None)


def _windows(client: PartnerCenterClient, page_size: int) -> Iterator[str]:
    """Filters that no two referrals share and none escapes, each within one page if possible."""
    yield created_in(None)
    yield created_between(None, _FIRST)
    yield created_between(_LAST, None)
    spans = [(_FIRST, _LAST, _count(client, created_between(_FIRST, _LAST)) or 0)]
    while spans:
        start, end, count = spans.pop()
        middle = (start + (end - start) / 2).replace(microsecond=0)
        if count <= page_size or middle <= start:
            yield created_between(start, end)
            continue
        halves = [
            (*half, _count(client, created_between(*half)) or 0)
            for half in ((middle, end), (start, middle))
        ]
        if sum(half[2] for half in halves) > count + page_size:
            raise RequestRefused("Partner Center counts the same whatever the filter selects.")
        spans += halves


def _count(client: PartnerCenterClient, filter: str | None) -> int | None:
    resource = client.resource
    one_row = resource.paging.parameters(filter, 1)
    return client.get(one_row, resource.reader.read_page).envelope.total


def _list_each(lister: Lister, filters: Sequence[str], directory: Path) -> list[Listing]:
    listings = []
    for number, filter in enumerate(filters):
        place = directory / f"{number:06}"
        place.mkdir(parents=True)
        listings.append(lister.read(filter, place))
    return listings


def _together(
    listings: Sequence[Listing], filter: str | None, total: int | None, is_complete: bool | None
) -> Listing:
    return Listing(
        filter=filter,
        row_files=tuple(file for each in listings for file in each.row_files),
        reject_files=tuple(file for each in listings for file in each.reject_files),
        tag_files=tuple(file for each in listings for file in each.tag_files),
        may_repeat=len(listings) > 1 or any(each.may_repeat for each in listings),
        rows_received=sum(each.rows_received for each in listings),
        counted=sum(each.counted for each in listings),
        total=total,
        is_complete=is_complete,
        unknown_fields=frozenset[str]().union(*(each.unknown_fields for each in listings)),
        absent_fields=listings[0].absent_fields if listings else frozenset(),
    )
