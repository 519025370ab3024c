"""Servers whose totals, links and counts are not what they seem: every load ends, and is right."""

import json
import random
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from partner_center import connect
from partner_center.errors import ReferralsError
from partner_center.listing.lister import Lister
from partner_center.resources import ENGAGEMENTS
from partner_center.settings import resolve_settings
from support.records import referral

# A load each.
pytestmark = pytest.mark.slow

RECORDS = [referral(f"r{number:04}") for number in range(260)]
PAGE = 50


class Server:
    """Answers every request with what `answer(parameters)` returns, and counts the requests."""

    def __init__(self, answer):
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests += 1
                parameters = {
                    name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()
                }
                status, body = answer(parameters)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def load_from(load, monkeypatch):
    """Loads from a server that answers in a given way; the run, and the server afterwards."""

    def run(answer, **options):
        with Server(answer) as server:
            monkeypatch.setenv("SOURCES__PARTNER_CENTER__BASE_URL", server.url)
            monkeypatch.setenv("SOURCES__PARTNER_CENTER__CREDENTIALS__ACCESS_TOKEN", "token")
            monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", str(PAGE))
            monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
            return load(**options), server

    return run


def page(parameters, total=None, **envelope):
    """A page of RECORDS as skip and top say."""
    skip, top = int(parameters.get("skip", 0)), int(parameters.get("top", PAGE))
    rows = RECORDS[skip : skip + min(top, PAGE)]
    if total is not None:
        envelope["TotalCount"] = total(rows) if callable(total) else total
    return 200, json.dumps({"Value": rows, **envelope}).encode()


def plain(**told):
    """Answers listings only; grouping is not offered."""

    def answer(parameters):
        return (404, b"") if "groupby" in parameters else page(parameters, **told)

    return answer


@pytest.mark.parametrize("total", [len, lambda rows: 259], ids=["of the page", "one too small"])
def test_total_that_is_none_is_not_believed(load_from, ask, total):
    """Rows behind the total show that it counts something else: everything is listed."""
    run, _ = load_from(plain(total=total))

    assert (260, None) == (run.rows_new, run.reconciled)


def test_total_of_the_page_beside_links_is_not_believed(load_from):
    """Each page counts its own rows and leads to the next one: everything is listed, once."""

    def answer(parameters):
        start = int(parameters.get("skip", 0)) + PAGE
        link = f"?skip={start}" if start < len(RECORDS) else None
        return plain(total=len, **{"@nextLink": link})(parameters)

    run, _ = load_from(answer)

    assert (260, 260, None) == (run.rows_received, run.rows_new, run.reconciled)


def test_total_smaller_than_its_own_page_is_not_believed(load_from):
    """What says 0 beside rows is no total."""
    run, _ = load_from(plain(total=0))

    assert (260, None) == (run.rows_new, run.reconciled)


@pytest.mark.parametrize(
    "start",
    [lambda skip: 0, lambda skip: min(skip, 210), lambda skip: random.randrange(210)],
    ids=["first page", "last page", "any page"],
)
def test_rows_sent_without_end_cost_few_requests(load_from, start):
    """However many rows a total promises, pages that bring nothing new end the listing."""

    def answer(parameters):
        skip = start(int(parameters.get("skip", 0)))
        return plain(total=10**9)({**parameters, "skip": skip})

    run, server = load_from(answer)

    assert (True, False) == (run.succeeded, run.reconciled)
    assert server.requests < 1_000


@pytest.mark.parametrize("total", [26_000, 2**62, 10**50])
def test_total_without_rows_behind_it_costs_few_requests(load_from, total):
    """An empty page is the end; what differs from the total is exit 4, not a crash."""
    run, server = load_from(plain(total=total))

    assert (260, False) == (run.rows_new, run.reconciled)
    assert server.requests < 300


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, b""), (404, b"no"), (405, b""), (501, b""), (503, b""), (200, b"<html>"), (200, b""),
     (200, b'{"Value": [{"status": "New", "aCount": 1, "bCount": 2}]}'),
     (200, b'{"Value": [{"status": "\\ud800", "createdDate": null, "count": "260"}]}'),
     (200, b'[' + b",".join([b'{"status": "New", "count": 1000000000000000}'] * 20_000) + b"]")],
)  # fmt: skip
def test_grouped_answer_never_ends_a_load(load_from, status, body):
    """The total alone decides where the groups cannot be read."""

    def answer(parameters):
        return (status, body) if "groupby" in parameters else page(parameters, total=260)

    run, _ = load_from(answer)

    assert (260, True, True) == (run.rows_new, run.succeeded, run.reconciled)


def test_total_of_the_listing_decides_where_no_other_is_told(load_from):
    """A server that answers neither for groups nor for a single row has told its total before."""

    def answer(parameters):
        return (403, b"") if parameters.get("top") == "1" else plain(total=260)(parameters)

    run, _ = load_from(answer)

    assert (260, 260, True) == (run.rows_new, run.server_total, run.reconciled)


@pytest.mark.parametrize("status", [403, 404, 414, 422, 500])
def test_failing_filter_means_a_full_listing(load_from, status):
    """A filter only spares work: without it everything is listed."""

    def answer(parameters):
        return (status, b"") if "filter" in parameters else plain(total=260)(parameters)

    load_from(answer)

    run, _ = load_from(answer)

    assert ("full", 260, True) == (run.mode, run.rows_unchanged, run.reconciled)


def test_links_in_a_circle_end(load_from, notes):
    """The same rows behind ever new links: the listing ends, is not verified, and that is said."""
    count = iter(range(10**6))

    def answer(parameters):
        if "groupby" in parameters:
            return 404, b""
        link = f"/partner/v1/analytics/referrals?skip=0&nonce={next(count)}"
        return page({**parameters, "skip": 0}, **{"@nextLink": link})

    run, server = load_from(answer)

    assert (PAGE, False) == (run.rows_new, run.reconciled)
    assert server.requests < 50
    (warning,) = notes.warnings
    assert warning.startswith("The end of the listing was not seen")


@pytest.mark.parametrize("total", [260, None])
@pytest.mark.parametrize(
    ("status", "body"), [(400, b""), (401, b""), (404, b""), (500, b""), (200, b"<html>")]
)
def test_link_that_does_not_work_is_not_needed(load_from, caplog, status, body, total):
    """The rows that came are skipped instead, and that is said once."""

    def answer(parameters):
        if "broken" in parameters:
            return status, body
        return plain(total=total, **{"@nextLink": "?broken=1"})(parameters)

    run, _ = load_from(answer)

    assert (260, True if total else None) == (run.rows_new, run.reconciled)
    assert 1 == len([each for each in caplog.messages if "link to the next page" in each])


@pytest.mark.parametrize("skipped", [(500, b""), page({})], ids=["failing", "ignored"])
def test_link_that_does_not_work_ends_a_load_that_cannot_skip(load_from, skipped):
    """What came is not taken for everything; the message is about the link."""

    def answer(parameters):
        if "broken" in parameters:
            return 406, b""
        first = plain(**{"@nextLink": "?broken=1"})
        return first(parameters) if parameters.get("skip") == "0" else skipped

    with pytest.raises(ReferralsError, match="406"):
        load_from(answer)


def test_empty_page_with_a_link_goes_on(load_from):
    """Only an empty page without a link is the end."""

    def answer(parameters):
        if "groupby" in parameters:
            return 404, b""
        if parameters.get("skip", "0") == "0":
            link = "/partner/v1/analytics/referrals?skip=0&real=1"
            if "real" not in parameters:
                return 200, json.dumps({"Value": [], "@nextLink": link}).encode()
        return page(parameters)

    run, _ = load_from(answer)

    assert PAGE <= run.rows_new


def test_total_below_the_groups_lets_nothing_vanish(load_from, ask):
    """Groups can only leave rows out, so the larger count is the one to explain."""

    def groups(parameters):
        if "groupby" in parameters:
            rows = [{"status": "New", "createdDate": "2026-03-01", "referralCount": "260"}]
            return 200, json.dumps({"Value": rows}).encode()
        return None

    load_from(lambda parameters: groups(parameters) or page(parameters, total=260))

    def short(parameters):
        skip = int(parameters.get("skip", 0))
        rows = 200, json.dumps({"Value": [], "TotalCount": 200}).encode()
        if groups(parameters):
            return groups(parameters)
        return rows if skip >= 200 else page(parameters, total=200)

    run, _ = load_from(short, full=True)

    assert 0 == run.rows_vanished


def test_byte_order_mark_is_read(load_from):
    """Answers of this host are reported to begin with one."""

    def answer(parameters):
        status, body = plain(total=260)(parameters)
        return status, b"\xef\xbb\xbf" + body

    run, _ = load_from(answer)

    assert (260, True) == (run.rows_new, run.reconciled)


def test_last_row_again_behind_the_end_is_nothing_new(load_from):
    """A server that skips no further than to its last row has told its total all the same."""

    def answer(parameters):
        return plain(total=260)({**parameters, "skip": min(int(parameters.get("skip", 0)), 259)})

    run, _ = load_from(answer)

    assert (260, True) == (run.rows_new, run.reconciled)


@pytest.mark.parametrize("status", [400, 404, 416])
def test_refused_page_behind_the_end_is_the_end(load_from, status):
    """A server need not answer for rows that it does not have."""

    def answer(parameters):
        if int(parameters.get("skip", 0)) >= len(RECORDS):
            return status, b""
        return plain(total=260)(parameters)

    run, _ = load_from(answer)

    assert (260, True) == (run.rows_new, run.reconciled)


@pytest.mark.parametrize(
    ("count", "takes_skip", "told", "listed"),
    [
        (250, True, None, (250, None)),
        (250, False, None, (100, False)),
        (30, False, None, (30, None)),
        (250, True, 250, (250, True)),
        (250, False, 250, (100, False)),
        (250, True, 100, (250, None)),
        (100, False, 100, (100, True)),
    ],
)
def test_deals_without_links_end_at_an_empty_page(
    tmp_path, monkeypatch, count, takes_skip, told, listed
):
    """Rows are skipped as far as the server lets them; a full page may not be the last one."""

    def answer(parameters):
        if "$skip" in parameters and not takes_skip:
            return 400, b""
        skip = int(parameters.get("$skip", 0))
        body = {"value": [{"id": f"d{number}"} for number in range(count)][skip : skip + 100]}
        return 200, json.dumps(body | ({"@odata.count": told} if told else {})).encode()

    found = read_deals(answer, tmp_path, monkeypatch)

    assert listed == (found.counted, found.is_complete)


@pytest.mark.parametrize(("updated", "is_complete"), [("2026-03-02", False), ("2026-02-02", None)])
def test_changes_end_where_older_deals_come(tmp_path, monkeypatch, updated, is_complete):
    """An end without any, and with fewer deals than the server counts, hides changes."""
    rows = [{"id": f"d{n}", "updatedDateTime": f"{updated}T00:00:00Z"} for n in range(100)]

    def answer(parameters):
        body = {"value": [] if "$skip" in parameters else rows, "@odata.count": 300}
        return 200, json.dumps(body).encode()

    found = read_deals(answer, tmp_path, monkeypatch, since=datetime(2026, 3, 1))

    assert is_complete is found.is_complete


def read_deals(answer, directory, monkeypatch, since=None):
    """The listing of a server's deals."""
    with Server(answer) as server:
        option = "SOURCES__PARTNER_CENTER__"
        monkeypatch.setenv(f"{option}ENGAGEMENTS_BASE_URL", server.url)
        monkeypatch.setenv(f"{option}CREDENTIALS__ENGAGEMENTS_ACCESS_TOKEN", "token")
        settings = resolve_settings()
        lister = Lister(connect(settings, None, ENGAGEMENTS), settings)
        return lister.read(None, directory, since)
