"""The stand-in's engagements API answers as Partner Center's is documented to do."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests

from partner_center_sandbox import Sandbox

PATH = "/v1.0/engagements/referrals"
RATES = "/v1.0/sales/fxrates(Month='202401')/$value"

DEALS: list[dict[str, Any]] = [
    {
        "id": f"00000000-0000-4000-8000-00000000000{number}",
        "engagementId": "11111111-1111-4111-8111-111111111111",
        "status": "Closed" if number % 2 else "Active",
        "updatedDateTime": f"2024-01-0{number}T00:00:00{fraction}Z",
        "details": {"currency": "EUR", "requirements": {"solutions": [{"id": str(number)}]}},
    }
    for number, fraction in ((1, ""), (3, ".5"), (2, ".1234567"), (5, ""), (4, ""))
]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(engagements=DEALS) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The sandbox of this module, well-behaved again after each test."""
    yield running
    running.behaviour.engagements.__init__()  # type: ignore[misc]


def get(sandbox: Sandbox, path: str = PATH, **changes: Any) -> requests.Response:
    """The answer; `headers` change those of a correct request, other arguments are its query."""
    headers = {
        "Authorization": f"Bearer {sandbox.engagements_access_token}",
        "client-request-id": str(uuid4()),
    } | changes.pop("headers", {})
    params = {f"${name}": value for name, value in changes.items()}
    return requests.get(sandbox.base_url + path, params=params, headers=headers, timeout=30)


def follow(sandbox: Sandbox, page: dict[str, Any]) -> dict[str, Any]:
    """The page behind the next link, asked for at our own path."""
    token = parse_qs(urlsplit(page["@odata.nextLink"]).query)["$skiptoken"][0]
    following: dict[str, Any] = get(sandbox, skiptoken=token).json()
    return following


def numbers(page: dict[str, Any]) -> list[int]:
    return [int(deal["id"][-1]) for deal in page["value"]]


# Pages


def test_last_page_has_the_envelope_without_a_next_link(sandbox: Sandbox) -> None:
    """A listing answers context, count and value, records word for word."""
    expected = {
        "@odata.context": f"{sandbox.base_url}/v1.0/$metadata#engagements/referrals",
        "@odata.count": 5,
        "value": DEALS,
    }
    response = get(sandbox)
    assert expected == response.json()
    assert response.headers["ETag"] and response.headers["request-id"]


def test_next_link_has_the_documented_odd_form(sandbox: Sandbox) -> None:
    """It names http and another path than the listing's, at which nothing is served."""
    link = get(sandbox, top=2).json()["@odata.nextLink"]
    assert link.startswith(f"{sandbox.base_url}/v1.0/referrals?$skiptoken=")
    assert 404 == get(sandbox, "/v1.0/referrals").status_code


def test_skip_token_carries_order_filter_and_size(sandbox: Sandbox) -> None:
    """The token alone leads through the rest of the listing."""
    page = get(sandbox, top=2, orderby="updatedDateTime desc", filter="status eq 'Closed'").json()
    assert [5, 3] == numbers(page)
    assert [1] == numbers(follow(sandbox, page))


def test_order_counts_the_fraction_of_a_second(sandbox: Sandbox) -> None:
    """Dates whose fractions differ in length sort by time."""
    assert [1, 2, 3, 4, 5] == numbers(get(sandbox, orderby="updatedDateTime").json())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status eq 'Active'", [2, 4]),
        ("details/requirements/solutions/any(s: s/id eq '3') and status eq 'Closed'", [3]),
        (f"id eq {DEALS[3]['id']}", [5]),
    ],
)
def test_documented_filters_select(sandbox: Sandbox, text: str, expected: list[int]) -> None:
    """eq, and, nested paths and any() are served."""
    assert expected == numbers(get(sandbox, filter=text).json())


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "updatedDateTime gt 2024-01-01T00:00:00Z"},
        {"filter": "status ne 'New'"},
        {"filter": "nothing eq 'x'"},
        {"orderby": "name"},
        {"top": 101},
        {"skip": 1},
        {"count": "true"},
        {"skiptoken": "x"},
    ],
)
def test_undocumented_options_are_refused(sandbox: Sandbox, options: dict[str, Any]) -> None:
    """What no document shows answers 400, in the API's own form of an error."""
    response = get(sandbox, **options)
    assert 400 == response.status_code
    assert {"code", "message", "target", "innerError"} == response.json()["error"].keys()


@pytest.mark.parametrize("request_id", ["", "7"])
def test_request_id_must_be_a_guid(sandbox: Sandbox, request_id: str) -> None:
    """A call without a GUID in client-request-id is refused."""
    assert 400 == get(sandbox, headers={"client-request-id": request_id}).status_code


def test_token_of_the_other_api_is_refused(sandbox: Sandbox) -> None:
    """Each API takes tokens of its own audience only."""
    response = get(sandbox, headers={"Authorization": f"Bearer {sandbox.access_token}"})
    assert (401, "900420") == (response.status_code, response.json()["error"]["code"])


# Misbehaviour


def test_drift_leaves_rows_out_and_repeats_rows(sandbox: Sandbox) -> None:
    """Pages that shift under the reader miss a row, or show one twice."""
    page = get(sandbox, top=2, orderby="updatedDateTime").json()
    sandbox.behaviour.engagements.page_drift = 1
    assert [4, 5] == numbers(follow(sandbox, page))
    sandbox.behaviour.engagements.page_drift = -1
    assert [2, 3] == numbers(follow(sandbox, page))


def test_links_can_lead_in_a_circle(sandbox: Sandbox) -> None:
    """The second page's link leads to the second page."""
    sandbox.behaviour.engagements.next_link = "circle"
    second = follow(sandbox, get(sandbox, top=2).json())
    assert second == follow(sandbox, second)


def test_link_can_name_another_host(sandbox: Sandbox) -> None:
    """A reader that follows this link would send its token elsewhere."""
    sandbox.behaviour.engagements.next_link = "foreign_host"
    link = get(sandbox, top=2).json()["@odata.nextLink"]
    assert "engagements.foreign.example" == urlsplit(link).hostname


def test_sign_in_can_refuse_the_second_api(sandbox: Sandbox) -> None:
    """The refresh token buys no token for this API, and still buys one for analytics."""
    sandbox.behaviour.engagements.refuses_sign_in = True
    refresh_token = sandbox.refresh_token

    def trade(scope: str) -> dict[str, Any]:
        form = {
            "grant_type": "refresh_token",
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "refresh_token": refresh_token,
            "scope": f"https://{scope}/.default",
        }
        url = f"{sandbox.authority_url}/oauth2/v2.0/token"
        response = requests.post(url, form, verify=str(sandbox.certificate), timeout=30)
        answer: dict[str, Any] = response.json()
        return answer

    assert [65001] == trade("api.partner.microsoft.com")["error_codes"]
    assert "access_token" in trade("api.partnercenter.microsoft.com")


# Exchange rates and searches


def test_exchange_rates_are_a_csv_of_the_month(sandbox: Sandbox) -> None:
    """The rates are US dollars for one unit."""
    lines = get(sandbox, RATES).text.splitlines()
    assert '"CurrencyCode","USDPerUnit","Month"' == lines[0]
    assert '"USD","1.000000","202401"' in lines


def test_exchange_rates_can_be_refused(sandbox: Sandbox) -> None:
    """A user with the role Referrals admin alone gets 403, for the rates only."""
    sandbox.behaviour.engagements.refuses_exchange_rates = True
    assert (403, 200) == (get(sandbox, RATES).status_code, get(sandbox).status_code)


def test_searches_are_listed_and_grouped() -> None:
    """Searches have the analytics API's envelope; their groups carry four counts as texts."""
    search = {
        "searchDate": "2024-01-02",
        "keywordCountry": "DE",
        "detailsViewed": True,
        "contactButtonClicked": False,
        "referralSubmitted": False,
    }
    with Sandbox(searches=[search, search]) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.access_token}"}
        url = f"{sandbox.base_url}/partner/v1/analytics/search"
        listed = requests.get(url, headers=headers, timeout=30).json()
        groups = requests.get(url, {"groupby": "searchDate"}, headers=headers, timeout=30).json()[
            "Value"
        ]
    assert ([search, search], 2) == (listed["Value"], listed["TotalCount"])
    counts = {"searchResultPageViews": "2", "profileViews": "2", "contactClicks": "0"}
    expected = {"searchDate": "2024-01-02T00:00:00", **counts, "referralCount": "0"}
    assert [expected] == groups
