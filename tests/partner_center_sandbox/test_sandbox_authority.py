"""The stand-in's authority signs in MSAL's real clients, and refuses as Microsoft's does."""

import json
import os
import re
import stat
from collections.abc import Iterator
from typing import Any

import msal
import pytest
import requests
from starlette.responses import HTMLResponse

from partner_center_sandbox import Sandbox, sign_in_error, throttled

PATH = "/partner/v1/analytics/referrals"
SCOPES = ["https://api.partnercenter.microsoft.com/user_impersonation"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(records=[]) as running:
        yield running


@pytest.fixture
def http_client(sandbox: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(sandbox.certificate)
        yield session


@pytest.fixture
def public(sandbox: Sandbox, http_client: requests.Session) -> msal.PublicClientApplication:
    return msal.PublicClientApplication(
        sandbox.client_id,
        authority=sandbox.authority_url,
        instance_discovery=False,
        http_client=http_client,
    )


def confidential(
    sandbox: Sandbox, http_client: requests.Session, secret: str | None = None
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        sandbox.client_id,
        client_credential=secret or sandbox.client_secret,
        authority=sandbox.authority_url,
        instance_discovery=False,
        http_client=http_client,
    )


def sign_in(public: msal.PublicClientApplication, sandbox: Sandbox) -> dict[str, Any]:
    """The tokens of a device sign-in that needs no person."""
    sandbox.auto_approve = True
    flow = public.initiate_device_flow(SCOPES)
    result: dict[str, Any] = public.acquire_token_by_device_flow(flow)
    return result


def api_status(sandbox: Sandbox, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(sandbox.base_url + PATH, headers=headers, timeout=30).status_code


# Device code


def test_device_sign_in_gives_a_token_that_the_api_takes(
    sandbox: Sandbox, public: msal.PublicClientApplication
) -> None:
    """The token of the authority opens the API; MSAL knows who signed in."""
    token = sign_in(public, sandbox)
    assert 200 == api_status(sandbox, token["access_token"])
    (account,) = public.get_accounts()
    assert "partner.user@sandbox.example" == account["username"]
    assert account["home_account_id"].endswith("." + sandbox.tenant_id)


def test_device_sign_in_waits_for_its_approval(
    sandbox: Sandbox, public: msal.PublicClientApplication
) -> None:
    """Until a person approves the code, the answer is to wait."""
    flow = public.initiate_device_flow(SCOPES)
    once = {"exit_condition": lambda flow: True}
    assert "authorization_pending" == public.acquire_token_by_device_flow(flow, **once)["error"]
    sandbox.approve(flow["user_code"])
    flow["latest_attempt_at"] = 0  # MSAL warns who asks twice within a second
    assert "access_token" in public.acquire_token_by_device_flow(flow, **once)


def test_verification_page_approves_the_code(
    sandbox: Sandbox, public: msal.PublicClientApplication, http_client: requests.Session
) -> None:
    """A person opens the address, enters the code and is signed in."""
    flow = public.initiate_device_flow(SCOPES)
    page = http_client.get(flow["verification_uri"]).text
    (field,) = re.findall(r'<input name="(\w+)"', page)
    http_client.post(flow["verification_uri"], data={field: f" {flow['user_code'].lower()} "})
    assert "access_token" in public.acquire_token_by_device_flow(flow)


def test_verification_page_refuses_a_wrong_code(
    public: msal.PublicClientApplication, http_client: requests.Session
) -> None:
    """A code that was never issued is named, as text."""
    flow = public.initiate_device_flow(SCOPES)
    page = http_client.post(flow["verification_uri"], data={"user_code": "<ü>"}).text
    assert "There is no code &lt;ü&gt;." in page


def test_device_code_works_once(sandbox: Sandbox, public: msal.PublicClientApplication) -> None:
    """A code that was traded in is worth nothing."""
    sandbox.auto_approve = True
    flow = public.initiate_device_flow(SCOPES)
    public.acquire_token_by_device_flow(flow)
    flow["latest_attempt_at"] = 0
    assert "bad_verification_code" == public.acquire_token_by_device_flow(flow)["error"]


# Refresh tokens


def test_expired_token_is_renewed_silently(
    sandbox: Sandbox, public: msal.PublicClientApplication
) -> None:
    """MSAL trades its refresh token for a new access token without a person."""
    sandbox.behaviour.token_lifetime_seconds = 1
    first = sign_in(public, sandbox)
    (account,) = public.get_accounts()
    second = public.acquire_token_silent_with_error(SCOPES, account)
    assert first["access_token"] != second["access_token"]
    assert ["refresh_token"] == [
        request.params["grant_type"] for request in sandbox.sign_in_requests[-1:]
    ]


def test_confidential_client_trades_its_refresh_token(
    sandbox: Sandbox, http_client: requests.Session
) -> None:
    """The Secure Application Model works: refresh token in, access token out."""
    application = confidential(sandbox, http_client)
    result = application.acquire_token_by_refresh_token(sandbox.refresh_token, SCOPES)
    assert 200 == api_status(sandbox, result["access_token"])


def test_refresh_token_works_once(sandbox: Sandbox, http_client: requests.Session) -> None:
    """Each use gives the next refresh token and ends the old one at once."""
    application, old = confidential(sandbox, http_client), sandbox.refresh_token
    application.acquire_token_by_refresh_token(old, SCOPES)
    assert "invalid_grant" == application.acquire_token_by_refresh_token(old, SCOPES)["error"]
    (account,) = application.get_accounts()
    renewed = application.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert "access_token" in renewed


def test_wrong_secret_is_refused(sandbox: Sandbox, http_client: requests.Session) -> None:
    """A wrong client secret answers 401 with Microsoft's number for it, and uses nothing up."""
    application, token = confidential(sandbox, http_client, "wrong"), sandbox.refresh_token
    result = application.acquire_token_by_refresh_token(token, SCOPES)
    assert ("invalid_client", [7000215]) == (result["error"], result["error_codes"])
    assert 401 == sandbox.sign_in_requests[-1].status
    assert token == sandbox.refresh_token


def test_confidential_refresh_token_needs_the_secret(
    sandbox: Sandbox, public: msal.PublicClientApplication
) -> None:
    """A stolen refresh token is worth nothing to a public client."""
    result = public.acquire_token_by_refresh_token(sandbox.refresh_token, SCOPES)
    assert [7000218] == result["error_codes"]


def test_app_only_tokens_are_refused(sandbox: Sandbox, http_client: requests.Session) -> None:
    """Partner Center's referrals take user credentials only."""
    result = confidential(sandbox, http_client).acquire_token_for_client(
        ["https://api.partnercenter.microsoft.com/.default"]
    )
    assert "unsupported_grant_type" == result["error"]


def test_unknown_application_is_refused(sandbox: Sandbox, http_client: requests.Session) -> None:
    """The client id counts."""
    application = msal.PublicClientApplication(
        "another",
        authority=sandbox.authority_url,
        instance_discovery=False,
        http_client=http_client,
    )
    assert [700016] == application.initiate_device_flow(SCOPES)["error_codes"]


def test_unknown_tenant_is_refused(sandbox: Sandbox, http_client: requests.Session) -> None:
    """MSAL finds no authority at another tenant's address."""
    with pytest.raises(ValueError, match="authority"):
        msal.PublicClientApplication(
            sandbox.client_id,
            authority=sandbox.authority_url + "0",
            instance_discovery=False,
            http_client=http_client,
        )


# Faults


def test_hook_answers_token_requests(sandbox: Sandbox, http_client: requests.Session) -> None:
    """Whatever Microsoft may answer can be played, here that a person has to act."""
    sandbox.behaviour.on_token_request = lambda request: sign_in_error(
        "interaction_required", 50076, "Multi-factor authentication is needed."
    )
    result = confidential(sandbox, http_client).acquire_token_by_refresh_token("any", SCOPES)
    assert ("interaction_required", [50076]) == (result["error"], result["error_codes"])


@pytest.mark.parametrize("answer", [throttled(60), HTMLResponse("<h1>Sorry</h1>", 503)])
def test_hook_may_answer_without_oauth(
    sandbox: Sandbox, http_client: requests.Session, answer: Any
) -> None:
    """A gateway's 429 and a page of HTML arrive as they are."""
    sandbox.behaviour.on_token_request = lambda request: answer
    response = http_client.post(sandbox.authority_url + "/oauth2/v2.0/token")
    assert (answer.status_code, answer.body) == (response.status_code, response.content)


# TLS


def test_certificate_is_trusted_only_where_named(sandbox: Sandbox) -> None:
    """The certificate is self-signed: who does not name it refuses it."""
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(sandbox.authority_url, timeout=30)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_may_read_the_key(sandbox: Sandbox) -> None:
    """The private key lies in a file of its own with mode 0600."""
    key = sandbox.certificate.with_name("key.pem")
    assert 0o600 == stat.S_IMODE(key.stat().st_mode)
    assert b"PRIVATE" not in sandbox.certificate.read_bytes()


def test_sign_in_requests_are_recorded(
    sandbox: Sandbox, public: msal.PublicClientApplication
) -> None:
    """Tests see which grants were asked for, apart from the API's requests."""
    sign_in(public, sandbox)
    assert ["openid-configuration", "devicecode", "token"] == [
        request.path.rpartition("/")[2] for request in sandbox.sign_in_requests
    ]
    assert [] == sandbox.requests


def test_discovery_names_only_this_host(sandbox: Sandbox, http_client: requests.Session) -> None:
    """No endpoint leads away from the sandbox."""
    discovery = http_client.get(
        sandbox.authority_url + "/v2.0/.well-known/openid-configuration"
    ).text
    assert all(url.startswith(sandbox.authority_url) for url in json.loads(discovery).values())
