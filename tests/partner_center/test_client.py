"""Requests: traceable, retried, and told apart when they fail."""

import gc
import time
import weakref
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from partner_center import connect
from partner_center.errors import RequestRefused
from partner_center.listing.counts import fetch_counts
from partner_center.resources import ENGAGEMENTS, REFERRALS, SEARCH
from partner_center.settings import resolve_settings
from partner_center_sandbox import throttled
from partner_referrals.errors import (
    ReferralsError,
    ServerFailed,
    SignInRequired,
    Throttled,
    UsageError,
)
from support.records import referral

FIRST_PAGE = {"top": 10, "skip": 0}


@pytest.fixture
def sandbox(serve):
    """A stand-in with one referral."""
    return serve(referral("a"))


@pytest.fixture
def get(sandbox):
    """Asks for the first page; the ids on it."""

    def run() -> list[str]:
        client = connect(resolve_settings())
        return list(client.get(FIRST_PAGE, REFERRALS.reader.read_page).rows["id"].to_pylist())

    return run


def answering(*answers: Response | None):
    """A hook that gives these answers one after another, then lets the stand-in answer."""
    left = list(answers)
    return lambda _: left.pop(0) if left else None


def headers(sandbox: Any, name: str) -> list[str]:
    return [request.headers[name] for request in sandbox.requests]


def test_page_goes_with_its_last_reader(sandbox):
    """Nothing keeps an answer until Python next looks for garbage, which may be pages later."""
    client = connect(resolve_settings())
    gc.disable()
    try:
        page = weakref.ref(client.get(FIRST_PAGE, REFERRALS.reader.read_page))
        assert page() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "broken",
    [
        PlainTextResponse("oops", 500),
        JSONResponse({"code": 3000, "description": "later"}, 503),
        PlainTextResponse("<html>Sign in to the network</html>"),
        PlainTextResponse('{"Value": [{"id": "a", "sta', media_type="application/json"),
        JSONResponse({"code": 0}),
    ],
    ids=["500", "503", "html", "truncated", "no rows"],
)
def test_passing_failure_is_retried(sandbox, get, broken):
    """An answer that is no page is asked for again, and nothing of it is taken."""
    sandbox.behaviour.on_request = answering(broken, broken)

    assert ["a"] == get()
    assert 3 == len(sandbox.requests)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            JSONResponse({"code": 2000, "description": "bad filter"}, 400),
            RequestRefused,
            "bad filter",
        ),
        (
            JSONResponse({"code": "400", "description": "no such page"}, 400),
            RequestRefused,
            "request: 400 no such page",
        ),
        (
            JSONResponse({"error": {"code": "A1", "message": "no"}}, 403),
            SignInRequired,
            "Referrals admin",
        ),
        (PlainTextResponse("", 404), UsageError, "base_url"),
        (PlainTextResponse("", 406), ReferralsError, "406"),
        (
            PlainTextResponse("", 302, {"Location": "https://elsewhere.example/"}),
            ServerFailed,
            "elsewhere",
        ),
    ],
    ids=["400", "code is status", "403", "404", "406", "302"],
)
def test_refusal_is_final_and_told(sandbox, get, answer, error, said):
    """What will not get better is not asked for again; the message says what to do."""
    sandbox.behaviour.on_request = lambda _: answer

    with pytest.raises(error, match=said):
        get()

    assert 1 == len(sandbox.requests)


@pytest.mark.parametrize(
    ("resource", "status", "parameters", "said"),
    [
        (ENGAGEMENTS, 404, {}, r"no engagements endpoint at .*\.engagements_base_url"),
        (ENGAGEMENTS, 403, {}, "read deals"),
        (SEARCH, 403, {}, "read searches"),
        (REFERRALS, 400, {}, "page_size"),
        (REFERRALS, 400, {"filter": "x"}, "check the filter"),
        (ENGAGEMENTS, 400, {"$filter": "x"}, "check the filter"),
    ],
)
def test_refusal_names_what_was_asked_for(sandbox, monkeypatch, resource, status, parameters, said):
    """Each resource has its own records and address; a filter is named only where there is one."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__ENGAGEMENTS_BASE_URL", sandbox.base_url)
    name = "SOURCES__PARTNER_CENTER__CREDENTIALS__ENGAGEMENTS_ACCESS_TOKEN"
    monkeypatch.setenv(name, sandbox.engagements_access_token)
    sandbox.behaviour.on_request = lambda _: JSONResponse({}, status)

    with pytest.raises(ReferralsError, match=said):
        connect(resolve_settings(), None, resource).get(parameters, resource.reader.read_page)


@pytest.mark.parametrize(
    ("status", "code", "cure"),
    [
        (401, 900421, "multi-factor"),
        (403, 900309, "Conditional Access"),
        (403, 900329, "partner user"),
        (403, 900308, "Referrals admin"),
        (403, "2032", "Referrals admin"),
    ],
)
@pytest.mark.parametrize("is_nested", [False, True])
def test_refusal_has_its_own_cure(sandbox, get, status, code, cure, is_nested):
    """The code of a 401 or 403 is shown, with what to do about just that."""
    body = {"code": code, "description": "no"}
    if is_nested:
        body = {"error": {"code": "Forbidden", "message": "no", "innerError": {"code": code}}}
    sandbox.behaviour.on_request = lambda _: JSONResponse(body, status)

    with pytest.raises(SignInRequired, match=cure) as refused:
        get()

    assert str(code) in str(refused.value)
    assert 1 == len(sandbox.requests)


@pytest.mark.parametrize("status", [401, 403])
def test_page_of_a_proxy_is_no_refused_sign_in(sandbox, get, status):
    """A page in place of JSON came from something on the way; signing in would not help."""
    sandbox.behaviour.on_request = lambda _: HTMLResponse("<h1>Blocked</h1>", status)

    with pytest.raises(ServerFailed, match="proxy"):
        get()


@pytest.mark.parametrize("answer", [PlainTextResponse("", 500), PlainTextResponse("<html>")])
def test_server_that_keeps_failing_is_given_up(sandbox, get, answer):
    """After the last attempt the message says that the data is as it was."""
    sandbox.behaviour.on_request = lambda _: answer

    with pytest.raises(ServerFailed, match="warehouse holds is kept"):
        get()

    assert 5 == len(sandbox.requests)


def test_server_that_is_down_is_told(monkeypatch, sandbox, get):
    """Nobody answers at the address."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__BASE_URL", "http://127.0.0.1:1")

    with pytest.raises(ServerFailed, match=r"127\.0\.0\.1:1"):
        get()


def test_refused_token_is_not_stormed(sandbox, get):
    """A token of one's own that is refused ends the run with exit code 3."""
    sandbox.revoke_access_tokens()

    with pytest.raises(SignInRequired) as caught:
        get()

    assert 3 == caught.value.exit_code
    assert 1 == len(sandbox.requests)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "0.2"}, 0.2),
        (503, {"Retry-After": "0.2"}, 0.2),
        (429, {}, 1),
        (429, {"Retry-After": "soon"}, 1),
    ],
    ids=["429", "503", "not told", "not understood"],
)
def test_throttled_request_waits_as_told(sandbox, get, status, headers, seconds, caplog):
    """The request goes out again, not a moment earlier than Retry-After says; a second later
    where it says nothing. That it waits is said."""
    sandbox.behaviour.on_request = answering(JSONResponse({}, status, headers))
    started = time.monotonic()

    assert ["a"] == get()
    assert seconds <= time.monotonic() - started
    (said,) = caplog.messages
    assert said.startswith(f"Partner Center asks to wait {seconds:.0f} s: {status} ")


@pytest.mark.slow
def test_long_wait_for_a_failing_server_is_said(sandbox, get, caplog, monkeypatch):
    """Seconds without a word would look as if nothing went on."""
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "2")
    sandbox.behaviour.on_request = answering(PlainTextResponse("", 500))

    assert ["a"] == get()
    (said,) = caplog.messages
    assert said.startswith("Partner Center gave no usable answer at attempt 1 of ")
    assert said.endswith("asking again in 2 s.")


def test_failed_count_is_no_failed_load(sandbox):
    """The reason says what happened, not what a failed load means for the data."""
    sandbox.behaviour.on_request = lambda _: PlainTextResponse("", 500)

    reason = fetch_counts(connect(resolve_settings())).reason

    assert reason.startswith("Partner Center kept failing: 500")
    assert "load" not in reason


def test_throttling_beyond_patience_is_given_up(sandbox, get):
    """Told to wait an hour, a run ends at once with exit code 75."""
    sandbox.behaviour.on_request = lambda _: JSONResponse({}, 429, {"Retry-After": "3600"})

    with pytest.raises(Throttled) as caught:
        get()

    assert 75 == caught.value.exit_code
    assert 1 == len(sandbox.requests)


def test_each_call_has_ids_of_its_own(sandbox, get):
    """MS-CorrelationId is new for each call, MS-RequestId after each answer."""
    sandbox.behaviour.on_request = answering(PlainTextResponse("", 500))

    get()

    assert 2 == len(set(headers(sandbox, "ms-correlationid")))
    assert 2 == len(set(headers(sandbox, "ms-requestid")))


def test_error_names_the_correlation_id(sandbox, get):
    """Microsoft support asks for it."""
    sandbox.behaviour.on_request = lambda _: JSONResponse({}, 400)

    with pytest.raises(RequestRefused) as caught:
        get()

    assert headers(sandbox, "ms-correlationid")[0] in str(caught.value)


def test_requests_and_retries_are_counted(sandbox):
    """The run's row tells how often the server was asked, and asked again."""
    sandbox.behaviour.on_request = answering(PlainTextResponse("", 500), throttled("0.1"))
    client = connect(resolve_settings())

    client.get(FIRST_PAGE, REFERRALS.reader.read_page)
    client.get(FIRST_PAGE, REFERRALS.reader.read_page)

    assert (4, 2) == (client.request_count, client.retry_count)


@pytest.mark.parametrize(
    "body",
    [
        "\x1b[31m" + "x" * 1_000,
        '{"message": "\\u001b[31m\\u009b1m\\r\\n' + "x" * 1_000 + '"}',
        "[" * 100_000,
        '{"error": [1]}',
    ],
    ids=["text", "escapes", "deep", "odd"],
)
def test_words_of_the_server_are_harmless(sandbox, get, body):
    """Whatever an error says is shown on one line, short, and without control characters."""
    sandbox.behaviour.on_request = lambda _: PlainTextResponse(body, 400)

    with pytest.raises(RequestRefused) as caught:
        get()

    assert str(caught.value).isprintable()
    assert 1_000 > len(str(caught.value))


@pytest.mark.parametrize("name", ["BASE_URL", "SOURCES__BASE_URL", "PARTNER_CENTER__BASE_URL"])
def test_address_of_another_program_is_not_used(monkeypatch, name):
    """The token goes nowhere that our own full setting does not name."""
    monkeypatch.setenv(name, "http://127.0.0.1:9/")

    assert "https://api.partnercenter.microsoft.com" == resolve_settings().base_url
