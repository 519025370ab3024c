"""Listings: every page, every envelope, counted against the total that the server told."""

import threading
from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq
import pytest
from starlette.responses import JSONResponse

from partner_center import connect
from partner_center.listing.lister import Lister
from partner_center.listing.paging import Pages
from partner_center.listing.windows import list_everything
from partner_center.records.page import Page
from partner_center.resources import REFERRALS, SEARCH
from partner_center.settings import resolve_settings
from partner_center_sandbox import Sandbox
from partner_referrals.errors import ServerFailed
from support.records import NOW, referral

PAGE = 10


@pytest.fixture
def listing(tmp_path, monkeypatch):
    """Lists all that a stand-in holds, ten rows a page; the ids and what was found of them."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", str(PAGE))

    def run(filter: str | None = None) -> tuple[list[str], Any]:
        settings = resolve_settings()
        found = Lister(connect(settings), settings).read(filter, tmp_path)
        ids = [name for file in found.row_files for name in pq.read_table(file)["id"].to_pylist()]
        return ids, found

    return run


def records(count: int) -> list[dict[str, Any]]:
    return [referral(f"r{number:03}") for number in range(count)]


def ids_of(sandbox: Sandbox) -> list[str]:
    return [record["id"] for record in sandbox.records()]


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 5 * PAGE + 3])
def test_listing_is_whole(serve, listing, count):
    """Whatever the number of rows, every row comes once and the total is met."""
    sandbox = serve(*records(count))

    ids, found = listing()

    assert ids_of(sandbox) == ids
    assert found.is_complete is True


@pytest.mark.parametrize("next_link", ["null", "none", "real"])
@pytest.mark.parametrize("envelope", ["items", "value", "array"])
def test_envelope_does_not_matter(serve, listing, envelope, next_link):
    """With links or without, in whatever envelope, every row comes once."""
    sandbox = serve(*records(2 * PAGE + 3))
    sandbox.behaviour.envelope = envelope
    sandbox.behaviour.next_link = next_link

    ids, found = listing()

    assert ids_of(sandbox) == ids
    assert (None if envelope == "array" else True) == found.is_complete


def test_listing_without_total_ends_at_an_empty_page(serve, listing):
    """With neither total nor links, only an empty page is the end; nothing is claimed."""
    sandbox = serve(*records(2 * PAGE))
    sandbox.behaviour.has_total = False

    ids, found = listing()

    assert 2 * PAGE == len(set(ids))
    assert found.is_complete is None
    assert [0, PAGE, 2 * PAGE] == [int(request.params["skip"]) for request in sandbox.requests]


@pytest.mark.parametrize("has_total", [True, False])
def test_short_page_is_not_the_end(serve, listing, has_total):
    """A server that sends fewer rows than asked for is asked for the rest."""
    sandbox = serve(*records(3 * PAGE))
    sandbox.behaviour.short_pages = 4
    sandbox.behaviour.has_total = has_total

    ids, _ = listing()

    assert sorted(ids_of(sandbox)) == sorted(ids)


@pytest.mark.parametrize("has_total", [True, False])
def test_server_that_ignores_skip_is_noticed(serve, listing, has_total):
    """The same page over and over ends the listing, which is not taken for whole."""
    sandbox = serve(*records(3 * PAGE))
    sandbox.behaviour.ignores_skip = True
    sandbox.behaviour.has_total = has_total

    ids, found = listing()

    assert PAGE == len(set(ids))
    assert found.is_complete is False


@pytest.mark.parametrize(
    ("behaviour", "row_count", "is_complete"),
    [
        ({"has_total": True}, 3 * PAGE, True),
        ({"has_total": False}, 3 * PAGE, None),
        # It counts the page, not the table.
        ({"has_total": True, "total_offset": -2 * PAGE}, 3 * PAGE, None),
        ({"has_total": False, "ignores_skip": True}, PAGE, False),
        # In another order each time, so that each page looks new.
        ({"has_total": False, "ignores_skip": True, "shuffle": True}, PAGE, False),
        # As from a table of one page, of which the server sends its only one for every `skip`.
        ({"total_offset": -2 * PAGE, "ignores_skip": True, "shuffle": True}, PAGE, True),
        ({"ignores_skip": True, "shuffle": True, "next_link": "real"}, PAGE, False),
    ],
)
def test_equal_rows_without_ids_may_fill_pages(
    configure, tmp_path, monkeypatch, behaviour, row_count, is_complete
):
    """Searches may be equal, page after page; only a server that ignores `skip` ends them."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", str(PAGE))
    is_shuffled = behaviour.get("shuffle", False)
    searches = [
        {"searchDate": "2026-03-01", "keywordSearchText": str(number * is_shuffled)}
        for number in range(3 * PAGE)
    ]
    with Sandbox([], searches=searches, now=NOW) as sandbox:
        settings = configure(sandbox) and resolve_settings()
        for name, value in behaviour.items():
            setattr(sandbox.behaviour, name, value)

        found = Lister(connect(settings, None, SEARCH), settings).read(None, tmp_path)

    assert (row_count, is_complete) == (found.rows_received, found.is_complete)


@pytest.mark.parametrize("is_steady", [True, False])
def test_rows_without_ids_are_whole_where_two_readings_agree(
    configure, tmp_path, monkeypatch, is_steady
):
    """A server that pages them in another order each time misses some, whatever it counts."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", str(PAGE))
    searches = [{"searchDate": "2026-03-01", "keywordSearchText": str(n)} for n in range(3 * PAGE)]
    with Sandbox([], searches=searches, now=NOW) as sandbox:
        settings = configure(sandbox) and resolve_settings()
        sandbox.behaviour.shuffle = not is_steady
        found = Lister(connect(settings, None, SEARCH), settings).read(None, tmp_path)

    assert is_steady == found.is_complete


def test_reading_a_page_holds_up_no_request(serve, monkeypatch):
    """While pages are read, as many requests as configured stay under way."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", str(PAGE))
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PARALLEL_REQUESTS", "2")
    sandbox = serve(*records(6 * PAGE))
    arrived = threading.Semaphore(0)
    sandbox.behaviour.on_request = lambda _: arrived.release()

    class PatientReader:
        def read_page(self, body: bytes) -> Page:
            page = REFERRALS.reader.read_page(body)
            # The first page is asked for alone; with the second and the third come two more.
            is_second = page.ids.to_pylist()[:1] == [f"r{PAGE:03}"]
            assert not is_second or all(arrived.acquire(timeout=20) for _ in range(5))
            return page

    settings = resolve_settings()
    client = connect(settings, None, replace(REFERRALS, reader=PatientReader()))
    pages = list(Pages(client, settings, None))

    assert ids_of(sandbox) == [name for page in pages for name in page.ids.to_pylist()]


def test_reordered_rows_are_pooled(serve, listing, monkeypatch):
    """Rows that change places between requests are met in one reading or another."""
    # One request after another, so that the stand-in shuffles the same way each time.
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PARALLEL_REQUESTS", "1")
    sandbox = serve(*records(3 * PAGE))
    sandbox.behaviour.shuffle = True

    ids, found = listing()

    assert set(ids_of(sandbox)) == set(ids)
    assert found.is_complete is True


def test_moved_total_starts_anew(serve, listing):
    """A row that is deleted while it is paged is not carried over from an earlier reading."""
    sandbox = serve(*records(3 * PAGE))
    deleted: list[str] = []

    def delete_once(request: Any) -> None:
        if request.params["skip"] == str(PAGE) and not deleted:
            deleted.append("r000")
            sandbox.delete("r000")

    sandbox.behaviour.on_request = delete_once

    ids, found = listing()

    assert sorted(ids_of(sandbox)) == sorted(ids)
    assert found.is_complete is True


def test_id_twice_in_one_page_is_the_sources_doing(serve, listing):
    """The server's total counts such an id twice, and so do we."""
    serve(referral("a"), referral("a", status="Won"), referral("b"))

    _, found = listing()

    assert found.is_complete is True


def test_total_that_is_never_reached_is_said(serve, listing):
    """A listing that does not add up comes as it is, marked, after a second look."""
    sandbox = serve(*records(3))
    sandbox.behaviour.total_offset = 2

    ids, found = listing()

    assert {"r000", "r001", "r002"} == set(ids)
    assert found.is_complete is False


def test_filter_is_sent(serve, listing):
    """A filter goes to the server, with every page."""
    serve(referral("a"), *(referral(f"w{n}", status="Won") for n in range(PAGE + 1)))

    ids, found = listing("status eq 'Won'")

    assert {f"w{n}" for n in range(PAGE + 1)} == set(ids)
    assert found.is_complete is True


def test_next_link_to_another_host_is_refused(serve, listing):
    """The token does not follow a link to a host that nobody configured."""
    sandbox = serve()
    sandbox.behaviour.on_request = lambda _: JSONResponse(
        {"Value": [referral("a")], "@nextLink": "https://elsewhere.example/next"}
    )

    with pytest.raises(ServerFailed, match=r"elsewhere\.example"):
        listing()


@pytest.fixture
def everything(tmp_path, monkeypatch):
    """Lists everything, ten rows a page, as a full load does; the ids and what was found."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", str(PAGE))

    def run() -> tuple[set[str], Any]:
        settings = resolve_settings()
        found = list_everything(Lister(connect(settings), settings), tmp_path)
        ids = [name for file in found.row_files for name in pq.read_table(file)["id"].to_pylist()]
        return set(ids), found

    return run


def spread(count: int) -> list[dict[str, Any]]:
    """Records of as many months, one of them without a date."""
    months = [f"{2020 + number // 12}-{number % 12 + 1:02}-01T00:00:00" for number in range(count)]
    return [
        referral(f"r{number:03}", createdDate=None if number == 1 else month)
        for number, month in enumerate(months)
    ]


def keep_deleting(sandbox: Sandbox, ids: list[str]) -> None:
    """One more row is gone in each reading of the plain listing, so that none verifies."""

    def delete_one(request: Any) -> None:
        if "filter" not in request.params and request.params["skip"] == str(PAGE):
            sandbox.delete(ids.pop())

    sandbox.behaviour.on_request = delete_one


def test_windows_verify_what_paging_cannot(serve, everything):
    """Rows that vanish under the paging are no obstacle to windows of one page each."""
    sandbox = serve(*spread(60))
    keep_deleting(sandbox, [f"r{number:03}" for number in range(2, 40)])

    ids, found = everything()

    assert any("createdDate lt" in request.params.get("filter", "") for request in sandbox.requests)
    assert set(ids_of(sandbox)) <= ids
    assert found.is_complete is True


def test_windows_help_where_skip_is_ignored(serve, everything):
    """Each window is one page, for which nothing has to be skipped."""
    sandbox = serve(*spread(40))
    sandbox.behaviour.ignores_skip = True

    ids, found = everything()

    assert set(ids_of(sandbox)) == ids
    assert found.is_complete is True


def test_without_date_filters_the_listing_stays_unverified(serve, everything):
    """The rows come all the same, and nothing is claimed of them."""
    sandbox = serve(*spread(40))
    sandbox.behaviour.ignores_skip = True
    sandbox.behaviour.refuses_date_filter = True

    ids, found = everything()

    assert PAGE == len(ids)
    assert found.is_complete is False
