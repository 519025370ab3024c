"""The stand-in's referrals endpoint answers as Partner Center's is documented to do."""

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests
from starlette.responses import Response

from partner_center_sandbox import (
    RecordedRequest,
    Reset,
    Sandbox,
    api_error,
    records_from,
    throttled,
)
from partner_referrals.errors import UsageError

PATH = "/partner/v1/analytics/referrals"

RECORDS = [
    {"id": "1", "status": "New", "customerName": "Ann's", "createdDate": "2018-01-01T10:00:00"},
    {"id": "2", "status": "Won", "customerName": None, "createdDate": "2018-01-31T23:59:59.9999999",
     "wonDate": "2018-02-03T00:00:00"},
    {"id": "3", "status": "Won", "customerName": "Bob & Co", "createdDate": "0001-01-01T00:00:00",
     "wonDate": "2018-02-01T01:00:00+02:00"},
    {"id": "4", "status": None, "customerName": "ann", "createdDate": "", "wonDate": "some day"},
    {"id": "5", "status": "New", "customerName": "Ünï", "createdDate": "2018-02-04T00:00:00Z"},
]  # fmt: skip


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(records=RECORDS) as running:
        yield running


def get(
    sandbox: Sandbox, headers: dict[str, str] | None = None, **params: Any
) -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.access_token}"} | (headers or {})
    return requests.get(sandbox.base_url + PATH, params=params, headers=headers, timeout=30)


def ids(sandbox: Sandbox, **params: Any) -> list[str]:
    return [record["id"] for record in get(sandbox, **params).json()["Value"]]


# Listing


def test_page_has_the_records_and_the_total(sandbox: Sandbox) -> None:
    """A listing answers in the envelope of the analytics family, records word for word."""
    expected = {"Value": RECORDS[1:3], "@nextLink": None, "TotalCount": 5}
    assert expected == get(sandbox, top=2, skip=1).json()


def test_page_beyond_the_end_is_empty(sandbox: Sandbox) -> None:
    """skip past the last row is no error."""
    assert [] == ids(sandbox, top=2, skip=5)


def test_page_without_top_has_100_rows() -> None:
    """A client that forgets `top` sees that there is more."""
    with Sandbox(count=101) as sandbox:
        assert 100 == len(ids(sandbox))


@pytest.mark.parametrize("top", ["10000", "0", "-1", "1.5", "ten", "", "²", "٣"])
def test_top_outside_its_range_is_refused(sandbox: Sandbox, top: str) -> None:
    """top takes whole numbers from 1 to 9999."""
    assert 400 == get(sandbox, top=top).status_code


def test_raw_records_are_served_word_for_word() -> None:
    """What JSON libraries would change or refuse arrives as it was given."""
    raw = ['{"id": 1e0,  "a": NaN}', '{"id":"x","customerName":"\\ud800"}', '{"id":"x"}']
    with Sandbox(records=raw) as sandbox:
        assert '{"Value":[' + ",".join(raw) + "]" == get(sandbox).text.split(',"@nextLink"')[0]


def test_lone_surrogate_in_a_dict_is_served_as_an_escape() -> None:
    """Half a character exists in JSON only as an escape."""
    with Sandbox(records=[{"id": "\ud800"}]) as sandbox:
        assert b'"\\ud800"' in get(sandbox).content


def test_records_of_a_file_are_its_lines(tmp_path: Any) -> None:
    """A JSON-lines file is read word for word, separators of other kinds included."""
    path = tmp_path / "records.jsonl"
    path.write_text('{"id": "a\u2028"}\n\n{"id":  "b"}', encoding="utf-8")
    assert ['{"id": "a\u2028"}', '{"id":  "b"}'] == records_from(path)


def test_missing_file_of_records_is_a_usage_error(tmp_path: Any) -> None:
    """A file that is not there is told in a sentence."""
    with pytest.raises(UsageError, match=r"no\.jsonl"):
        records_from(tmp_path / "no.jsonl")


# Filters


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("15", "status eq 'New'"),
        ("234", "status ne 'New'"),
        ("4", "status eq null"),
        ("1235", "status ne null"),
        ("", "status eq 'new'"),
        ("1", "customerName eq 'Ann''s'"),
        ("3", "contains(customerName,'&')"),
        ("5", "contains(customerName, 'Ünï')"),
        ("34", "createdDate eq null"),
        ("125", "createdDate ne null"),
        ("145", "wonDate eq null"),
        ("25", "createdDate ge cast('2018-01-31',Edm.DateTimeOffset)"),
        ("5", "createdDate ge cast('2018-02-01',Edm.DateTimeOffset)"),
        ("5", "createdDate eq cast('2018-02-04T01:00:00+01:00',Edm.DateTimeOffset)"),
        ("125", "createdDate ge cast('2018-01-01T10:00:00Z',Edm.DateTimeOffset)"),
        ("25", "createdDate gt cast('2018-01-01T10:00:00.0000000Z',Edm.DateTimeOffset)"),
        ("3", "wonDate lt cast('2018-02-01',Edm.DateTimeOffset)"),
        ("1", "createdDate le cast('2018-01-01T10:00:00',Edm.DateTimeOffset)"),
        ("1235", "status eq 'Won' or status eq 'New' and contains(customerName,'n')"),
        ("135", "(status eq 'Won' or status eq 'New') and customerName ne null"),
        ("", "status eq 'New' and createdDate eq null"),
    ],
)
def test_filter_finds_the_records_that_meet_it(sandbox: Sandbox, expected: str, text: str) -> None:
    """Texts compare exactly, dates by the moment; unset and unreadable dates are null."""
    assert list(expected) == ids(sandbox, filter=text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "status",
        "status eq",
        "'New' eq status",
        "colour eq 'red'",
        "Status eq 'New'",
        "status eq status",
        "status eq 1",
        "status gt 'New'",
        "status eq 'New' and",
        "status eq 'New' and colour eq 'red'",
        "not status eq 'New'",
        "status in ('New', 'Won')",
        "contains(customerName)",
        "contains(createdDate,'2018')",
        "contains(customerName,null)",
        "startswith(customerName,'A')",
        "createdDate ge '2018-01-01'",
        "createdDate ge 2018-01-01",
        "createdDate ge null",
        "createdDate ge cast('yesterday',Edm.DateTimeOffset)",
        "createdDate ge cast('2018-01-01',Edm.Date)",
        "createdDate ge cast(2018-01-01,Edm.DateTimeOffset)",
        "tolower(status) eq 'new'",
        "status eq 'New'; drop table referrals",
    ],
)
def test_filter_outside_the_grammar_is_refused_in_a_sentence(sandbox: Sandbox, text: str) -> None:
    """A client that strays from the documented filters is told, in Partner Center's shape."""
    response = get(sandbox, filter=text)
    assert (400, 400) == (response.status_code, response.json()["code"])
    assert response.json()["description"].endswith(".")


def test_total_of_a_filtered_listing_counts_what_it_found(sandbox: Sandbox) -> None:
    """TotalCount belongs to the filter, not to the page."""
    assert 2 == get(sandbox, filter="status eq 'New'", top=1).json()["TotalCount"]


def test_filter_sees_a_record_with_half_a_character() -> None:
    """A record that DuckDB cannot parse is found by its other fields all the same."""
    with Sandbox(records=['{"id":"1","status":"New","customerName":"\\ud800"}']) as sandbox:
        assert ["1"] == ids(sandbox, filter="status eq 'New'")


def test_filter_passes_over_what_is_no_record() -> None:
    """Rows that are no JSON, or no object, are served and have no fields; NaN hides no others."""
    raw = [
        "[1,2]",
        "oops",
        "oops \\u",
        '{"id":"1","status":"New"}',
        '{"status":"New","id":NaN}',
        "7",
    ]
    with Sandbox(records=raw) as sandbox:
        body = get(sandbox, filter="status eq null").text
    assert '{"Value":[[1,2],oops,oops \\u,7]' == body.split(',"@nextLink"')[0]


# Groups


def groups(sandbox: Sandbox, **params: Any) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = get(sandbox, **params).json()["Value"]
    return found


def test_groups_count_texts_and_months(sandbox: Sandbox) -> None:
    """Each group has its fields and a count sent as text; unset dates form a group of null."""
    expected = [
        {"status": "New", "createdDate": "2018-01-01T00:00:00", "referralCount": "1"},
        {"status": "New", "createdDate": "2018-02-01T00:00:00", "referralCount": "1"},
        {"status": "Won", "createdDate": "2018-01-01T00:00:00", "referralCount": "1"},
        {"status": "Won", "createdDate": None, "referralCount": "1"},
        {"status": None, "createdDate": None, "referralCount": "1"},
    ]
    assert expected == groups(sandbox, groupby="status,createdDate", aggregationLevel="month")


def test_weeks_start_on_monday(sandbox: Sandbox) -> None:
    """4 February 2018 is a Sunday."""
    found = groups(sandbox, groupby="createdDate", aggregationLevel="week")
    expected = ["2018-01-01T00:00:00", "2018-01-29T00:00:00", None]
    assert expected == [group["createdDate"] for group in found]


def test_dates_are_grouped_by_day_unless_told_otherwise(sandbox: Sandbox) -> None:
    """A date in a groupby never stands for its exact moment."""
    assert "2018-01-31T00:00:00" in [
        group["createdDate"] for group in groups(sandbox, groupby="createdDate")
    ]


def test_groups_heed_the_filter(sandbox: Sandbox) -> None:
    """filter and groupby go together."""
    found = groups(sandbox, groupby="status", filter="createdDate eq null")
    assert [
        {"status": "Won", "referralCount": "1"},
        {"status": None, "referralCount": "1"},
    ] == found


@pytest.mark.parametrize(
    "params",
    [
        {"aggregationLevel": "month"},
        {"groupby": "createdDate", "aggregationLevel": "year"},
        {"groupby": "colour"},
        {"groupby": "status,"},
        {"groupby": "status,status"},
    ],
)
def test_groups_that_cannot_be_are_refused(sandbox: Sandbox, params: dict[str, str]) -> None:
    """aggregationLevel needs a groupby, and both name what exists."""
    assert 400 == get(sandbox, **params).status_code


# Headers


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer unknown", "Basic dTpw"])
def test_unknown_token_is_refused(sandbox: Sandbox, header: str) -> None:
    """Only tokens of this sandbox's own authority count."""
    assert 401 == get(sandbox, {"Authorization": header}).status_code


def test_expired_token_is_refused(sandbox: Sandbox) -> None:
    """A token whose time is over is worth nothing."""
    sandbox.behaviour.token_lifetime_seconds = 0
    assert 401 == get(sandbox).status_code


def test_token_for_the_other_api_is_refused(sandbox: Sandbox) -> None:
    """The analytics API refuses a token that was issued for the engagements API."""
    header = {"Authorization": f"Bearer {sandbox.engagements_access_token}"}
    response = get(sandbox, header)
    assert (401, 900420) == (response.status_code, response.json()["code"])


def test_revoked_token_is_refused_and_a_new_one_accepted(sandbox: Sandbox) -> None:
    """Revoking ends the present tokens, not the sign-in."""
    old = sandbox.access_token
    sandbox.revoke_access_tokens()
    assert 401 == get(sandbox, {"Authorization": f"Bearer {old}"}).status_code
    assert 200 == get(sandbox).status_code


@pytest.mark.parametrize(
    ("status", "accept"),
    [(200, "application/json"), (200, "text/html, */*;q=0.1"), (406, "text/html"), (406, "")],
)
def test_accept_must_allow_json(sandbox: Sandbox, status: int, accept: str) -> None:
    """There is no other form of an answer."""
    assert status == get(sandbox, {"Accept": accept}).status_code


def test_request_ids_come_back(sandbox: Sandbox) -> None:
    """Both ids are found again in the answer, errors included."""
    request_id, correlation_id = str(uuid4()), str(uuid4())
    sent = {"MS-RequestId": request_id, "MS-CorrelationId": correlation_id}
    headers = get(sandbox, sent, top=0).headers
    assert (request_id, correlation_id) == (headers["MS-RequestId"], headers["MS-CorrelationId"])


@pytest.mark.parametrize("name", ["MS-RequestId", "MS-CorrelationId"])
def test_request_ids_must_be_guids(sandbox: Sandbox, name: str) -> None:
    """Anything else would be of no use to Microsoft's support."""
    assert 400 == get(sandbox, {name: "1234"}).status_code


def test_other_paths_and_methods_are_refused(sandbox: Sandbox) -> None:
    """There is one resource, to be read."""
    headers = {"Authorization": f"Bearer {sandbox.access_token}"}
    paths = requests.get(sandbox.base_url + "/partner/v1", headers=headers, timeout=30)
    methods = requests.post(sandbox.base_url + PATH, headers=headers, timeout=30)
    assert (404, 405) == (paths.status_code, methods.status_code)


# Behaviour


@pytest.mark.parametrize(
    ("expected", "envelope", "has_total", "next_link"),
    [
        ({"Value": RECORDS, "@nextLink": None}, "Value", False, "null"),
        ({"items": RECORDS, "totalCount": 5}, "items", True, "none"),
        ({"value": RECORDS}, "value", False, "none"),
        (RECORDS, "array", True, "null"),
    ],
)
def test_envelope_is_as_told(
    sandbox: Sandbox, expected: Any, envelope: Any, has_total: bool, next_link: Any
) -> None:
    """Every envelope that is known of Partner Center can be played."""
    sandbox.behaviour.envelope = envelope
    sandbox.behaviour.has_total = has_total
    sandbox.behaviour.next_link = next_link
    assert expected == get(sandbox).json()


def test_real_next_links_lead_through_the_listing(sandbox: Sandbox) -> None:
    """Following the links gives every row once, and then null; also where pages are short."""
    sandbox.behaviour.next_link = "real"
    sandbox.behaviour.short_pages = 2
    found, page = [], get(sandbox, filter="status ne null", top=3).json()
    headers = {"Authorization": f"Bearer {sandbox.access_token}"}
    while page["@nextLink"]:
        found += page["Value"]
        page = requests.get(page["@nextLink"], headers=headers, timeout=30).json()
    assert ["1", "2", "3", "5"] == [record["id"] for record in found + page["Value"]]


def test_short_pages_end_early(sandbox: Sandbox) -> None:
    """A page may be shorter than asked although more rows exist."""
    sandbox.behaviour.short_pages = 2
    assert ["2", "3"] == ids(sandbox, top=4, skip=1)


def test_server_may_ignore_skip(sandbox: Sandbox) -> None:
    """Then each page is the first."""
    sandbox.behaviour.ignores_skip = True
    assert ["1", "2"] == ids(sandbox, top=2, skip=2)


def test_total_may_be_wrong(sandbox: Sandbox) -> None:
    """A server that miscounts says so with confidence."""
    sandbox.behaviour.total_offset = -2
    assert 3 == get(sandbox).json()["TotalCount"]


def test_shuffled_listing_changes_its_order_between_requests() -> None:
    """The rows are the same, their order is not."""
    with Sandbox(count=50) as sandbox:
        sandbox.behaviour.shuffle = True
        first, second = ids(sandbox), ids(sandbox)
    assert sorted(first) == sorted(second)
    assert first != second


@pytest.mark.parametrize(
    ("refuses", "params"),
    [
        ("refuses_filter", {"filter": "status eq 'New'"}),
        ("refuses_date_filter", {"filter": "status eq 'New' or createdDate eq null"}),
        ("refuses_groupby", {"groupby": "status"}),
    ],
)
def test_server_may_refuse_what_it_leaves_open(
    sandbox: Sandbox, refuses: str, params: dict[str, str]
) -> None:
    """Filters on dates and groups are not certain to be supported."""
    assert 200 == get(sandbox, **params).status_code
    setattr(sandbox.behaviour, refuses, True)
    assert 400 == get(sandbox, **params).status_code


def test_refusing_dates_leaves_filters_on_texts(sandbox: Sandbox) -> None:
    """A server may know only half of the grammar."""
    sandbox.behaviour.refuses_date_filter = True
    assert ["1", "5"] == ids(sandbox, filter="status eq 'New'")


def test_grouped_answer_may_be_cut(sandbox: Sandbox) -> None:
    """Short-circuit logic leaves groups out without a word."""
    sandbox.behaviour.grouped_limit = 1
    assert [{"status": "New", "referralCount": "2"}] == groups(sandbox, groupby="status")


def threads_left() -> list[threading.Thread]:
    """Threads besides the main one; those that were told to end have ten seconds for it."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    for thread in others:
        thread.join(10)
    return [thread for thread in others if thread.is_alive()]


def test_slow_page_does_not_keep_the_sandbox_from_closing() -> None:
    """A request that waits for its page is dropped at the end."""
    with Sandbox(records=RECORDS) as sandbox:
        sandbox.behaviour.page_delay_seconds = 3600
        headers = {"Authorization": f"Bearer {sandbox.access_token}"}
        connection = http.client.HTTPConnection(sandbox.base_url.removeprefix("http://"))
        connection.request("GET", PATH, headers=headers)
        while not sandbox.requests:
            pass
    connection.close()
    assert [] == threads_left()


# Hooks


def test_hook_answers_in_place_of_the_server(sandbox: Sandbox) -> None:
    """Any fault can be played; None lets the server answer."""

    def fail_once(request: RecordedRequest) -> Response | None:
        return throttled(57) if len(sandbox.requests) == 1 else None

    sandbox.behaviour.on_request = fail_once
    first, second = get(sandbox), get(sandbox)
    assert (429, "57", 200) == (first.status_code, first.headers["Retry-After"], second.status_code)


def test_hook_may_change_the_records_between_pages(sandbox: Sandbox) -> None:
    """A deletion in the middle of paging moves the later rows up."""

    def delete_once(request: RecordedRequest) -> None:
        if request.params["skip"] == "2":
            sandbox.delete("1")

    sandbox.behaviour.on_request = delete_once
    assert ["1", "2"] == ids(sandbox, top=2, skip=0)
    assert ["4", "5"] == ids(sandbox, top=2, skip=2)


def test_failing_hook_is_told_in_a_500(sandbox: Sandbox) -> None:
    """A mistake in a test shows itself in the answer."""

    def fail(request: RecordedRequest) -> Response:
        raise ValueError("my mistake")

    sandbox.behaviour.on_request = fail
    assert "my mistake" in get(sandbox).json()["description"]


# A reset, and a body shorter than told.
BROKEN = (Reset(), Response("[1", headers={"Content-Length": "10"}, media_type="application/json"))


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_connections_break(sandbox: Sandbox, fault: Response) -> None:
    """A reset and a body shorter than told are errors of the connection."""
    sandbox.behaviour.on_request = lambda request: fault
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(sandbox)


def test_error_has_partner_centers_shape(sandbox: Sandbox) -> None:
    """Hooks can say no as the API does."""
    sandbox.behaviour.on_request = lambda request: api_error(403, "No.")
    expected = {"code": 403, "description": "No.", "data": [], "source": "sandbox"}
    assert expected == get(sandbox).json()


def test_requests_are_recorded(sandbox: Sandbox) -> None:
    """Tests see what the client asked and what it was told."""
    get(sandbox, {"X-Locale": "en-US"}, top=3, filter="status eq 'a b'")
    (request,) = sandbox.requests
    assert ("GET", PATH, 200) == (request.method, request.path, request.status)
    assert {"top": "3", "filter": "status eq 'a b'"} == request.params
    assert "en-US" == request.headers["x-locale"]


# Changes


def test_put_replaces_in_place_and_appends_what_is_new(sandbox: Sandbox) -> None:
    """A changed record keeps its place in the listing; filters see the change."""
    assert ["1", "5"] == ids(sandbox, filter="status eq 'New'")
    sandbox.put({"id": "2", "status": "New"})
    sandbox.put('{"id": "6", "status": "New"}')
    assert ["1", "2", "5", "6"] == ids(sandbox, filter="status eq 'New'")


def test_delete_removes_a_record(sandbox: Sandbox) -> None:
    """Deleted records are in no answer; deleting twice is a mistake."""
    sandbox.delete("3")
    assert ["1", "2", "4", "5"] == ids(sandbox)
    with pytest.raises(KeyError):
        sandbox.delete("3")


def test_records_are_what_the_server_holds(sandbox: Sandbox) -> None:
    """Tests compare the warehouse with them, also after the end."""
    sandbox.delete("3")
    assert [record for record in RECORDS if record["id"] != "3"] == sandbox.records()


def test_records_with_one_id_are_all_served() -> None:
    """Ids that occur twice, are numbers or are null do not merge records given at the start."""
    records: list[dict[str, Any] | str] = [
        {"id": "1", "status": "a"}, {"id": "1"}, {"id": None}, {"id": None}, {"id": 1}, {},
    ]  # fmt: skip
    with Sandbox(records=records) as sandbox:
        assert records == get(sandbox).json()["Value"]


def test_put_finds_a_numeric_id_by_its_text() -> None:
    """The id 7 and the id "7" are one referral."""
    with Sandbox(records=[{"id": 7}]) as sandbox:
        sandbox.put({"id": "7"})
        assert [{"id": "7"}] == sandbox.records()


# Start and stop


def test_sandboxes_run_side_by_side() -> None:
    """Each has its own records, ports and tokens."""
    with Sandbox(records=[{"id": "a"}]) as one, Sandbox(records=[{"id": "b"}]) as other:
        assert (["a"], ["b"]) == (ids(one), ids(other))
        foreign = {"Authorization": f"Bearer {one.access_token}"}
        assert 401 == get(other, foreign).status_code


def test_sandbox_ends_while_a_client_keeps_its_connection() -> None:
    """Nothing of it is left: no thread, no port, no file."""
    with requests.Session() as session, Sandbox(records=RECORDS) as sandbox:
        url, certificate = sandbox.base_url + PATH, sandbox.certificate
        session.get(url, timeout=30)
        sandbox.__exit__(None, None, None)
        assert [] == threads_left()
        assert not certificate.parent.exists()
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=30)


def test_taken_port_is_a_usage_error(sandbox: Sandbox) -> None:
    """The port is named, and nothing is left running."""
    port = int(sandbox.base_url.rpartition(":")[2])
    before = threading.active_count()
    with pytest.raises(UsageError, match=str(port)), Sandbox(records=[], authority_port=port):
        pass
    assert before == threading.active_count()


def test_chosen_ports_are_used() -> None:
    """`referrals sandbox` can be told where to listen."""
    with Sandbox(records=[]) as sandbox:
        api, authority = sandbox.base_url, sandbox.authority_url
    api_port, authority_port = (
        int(api.rpartition(":")[2]),
        int(authority.split(":")[2][:5].strip("/")),
    )
    with Sandbox(records=[], api_port=api_port, authority_port=authority_port) as sandbox:
        assert (api, authority) == (sandbox.base_url, sandbox.authority_url)


def test_nothing_is_printed_or_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither requests nor faults leave a line on stdout, on stderr or in a log."""
    with Sandbox(records=RECORDS) as sandbox:
        get(sandbox)
        for fault in BROKEN:
            sandbox.behaviour.on_request = lambda request, fault=fault: fault
            with pytest.raises(requests.RequestException):
                get(sandbox)
    assert ("", "", []) == (
        *capfd.readouterr(),
        [log for log in caplog.records if "uvicorn" in log.name],
    )


def test_answer_is_utf8_json(sandbox: Sandbox) -> None:
    """Characters beyond ASCII are sent as they are."""
    assert json.dumps("Ünï", ensure_ascii=False).encode() in get(sandbox).content
