"""Signing in: MSAL's real client against the stand-in's sign-in authority."""

import json
import logging
import os
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from partner_center.resources.referrals import REFERRALS_PATH
from partner_center.settings import PartnerCenterCredentials
from partner_center.sign_in.msal_sign_in import (
    read_refresh_token,
    sign_in_with_browser,
    sign_in_with_device_code,
)
from partner_center.sign_in.user import PartnerUser, sign_in
from partner_center_sandbox import Behaviour, Sandbox
from partner_center_sandbox.authority import sign_in_error
from partner_referrals.errors import (
    ReferralsError,
    ServerFailed,
    SignInRequired,
    Throttled,
    TryAgainLater,
    UsageError,
)

USER = "partner.user@sandbox.example"
HEADERS = {
    "Accept": "application/json",
    "MS-RequestId": "0f1e2d3c-4b5a-4678-9a0b-1c2d3e4f5a6b",
    "MS-CorrelationId": "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
}

only_posix = pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(count=3) as sandbox:
        yield sandbox


@pytest.fixture
def partner_center(sandbox):
    """A well-behaved stand-in that nobody has asked anything yet."""
    vars(sandbox.behaviour).update(vars(Behaviour()))
    sandbox.requests.clear()
    sandbox.sign_in_requests.clear()
    sandbox.auto_approve = True
    return sandbox


@pytest.fixture
def token_cache(tmp_path):
    return tmp_path / "kept" / "token_cache.json"


@pytest.fixture
def person(partner_center, token_cache):
    """Credentials of somebody who uses `referrals login`."""
    return PartnerCenterCredentials(
        tenant_id=partner_center.tenant_id,
        client_id=partner_center.client_id,
        authority=partner_center.authority_url,
        token_cache=str(token_cache),
    )


@pytest.fixture
def server(partner_center, person):
    """Credentials of a server that was given a refresh token."""
    person.client_secret = partner_center.client_secret
    person.refresh_token = partner_center.refresh_token
    return person


def login(partner_center, credentials, show=lambda text: None):
    return sign_in_with_device_code(credentials, show, certificate=partner_center.certificate)


def signed_in(partner_center, credentials):
    return sign_in(credentials, certificate=partner_center.certificate)


def ask(partner_center, user):
    """The status of one request to the endpoint, signed as `user`."""
    url = f"{partner_center.base_url}{REFERRALS_PATH}?top=1"
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, auth=PartnerUser(user), headers=HEADERS).status_code


def token_requests(partner_center):
    return [
        request.params
        for request in partner_center.sign_in_requests
        if request.path.endswith("/token")
    ]


def answer_tokens_with(partner_center, response):
    """Let the token endpoint answer so, whatever it is asked."""
    partner_center.behaviour.on_token_request = lambda request: response


# Ways of signing in


def test_login_returns_the_account(partner_center, person):
    """A person who signs in with a device code is told as whom."""
    assert USER == login(partner_center, person)


def test_login_shows_where_to_enter_which_code(partner_center, person):
    """The code shown is the one to approve, and only then the sign-in is done."""
    partner_center.auto_approve = False
    shown = []

    def approve(text):
        shown.append(text)
        partner_center.approve(text.split()[-1])

    login(partner_center, person, show=approve)

    assert [f"https://localhost:{partner_center.authority_url.split(':')[2].split('/')[0]}"] == [
        text.removeprefix("Open ").split("/devicelogin")[0] for text in shown
    ]


def test_token_after_login_is_accepted(partner_center, person):
    """What `login` kept signs requests later, in another process too, without anybody there."""
    login(partner_center, person)

    assert 200 == ask(partner_center, signed_in(partner_center, person))


def test_token_is_kept(partner_center, person):
    """A token that is still good is used again: no request to the token endpoint."""
    login(partner_center, person)
    token = signed_in(partner_center, person).access_token()
    before = len(token_requests(partner_center))

    assert token == signed_in(partner_center, person).access_token()
    assert before == len(token_requests(partner_center))


def test_refresh_token_is_traded_in(partner_center, server):
    """A server signs in with client secret and refresh token."""
    assert 200 == ask(partner_center, signed_in(partner_center, server))


def test_refresh_token_of_a_public_client(partner_center, person):
    """A refresh token without a client secret is traded in as well."""
    login(partner_center, person)
    (kept,) = json.loads(Path(person.token_cache).read_text())["RefreshToken"].values()
    Path(person.token_cache).unlink()
    person.refresh_token = kept["secret"]

    assert 200 == ask(partner_center, signed_in(partner_center, person))


def test_given_token_is_sent_as_it_is(partner_center, person):
    """With an access token of one's own, nobody is asked for another."""
    person.access_token = partner_center.access_token

    assert 200 == ask(partner_center, sign_in(person))
    assert [] == partner_center.sign_in_requests


def test_given_token_needs_nothing_else(partner_center):
    """The access token alone is enough."""
    user = sign_in(PartnerCenterCredentials(access_token=partner_center.access_token))

    assert 200 == ask(partner_center, user)


def test_nothing_but_the_authority_is_contacted(partner_center, person, monkeypatch):
    """Signing in looks up no host but the configured one."""
    hosts = []
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **named: hosts.append(host) or look_up(host, *args, **named),
    )
    login(partner_center, person)
    signed_in(partner_center, person).access_token()

    assert {"localhost"} == set(hosts)


def test_environment_does_not_lead_loopback_astray(partner_center, person, tmp_path, monkeypatch):
    """A proxy or a bundle of certificates in the environment is not for the sandbox."""
    (tmp_path / "other.pem").write_text("")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))

    assert USER == login(partner_center, person)


def test_certificate_from_the_environment(partner_center, person, monkeypatch):
    """REQUESTS_CA_BUNDLE names the certificate of a sandbox that runs in another terminal."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(partner_center.certificate))

    assert USER == sign_in_with_device_code(person, lambda text: None)


def test_missing_certificate_from_the_environment_is_told(partner_center, person, monkeypatch):
    """REQUESTS_CA_BUNDLE that leads nowhere is the configuration's fault."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "nowhere.pem")

    with pytest.raises(UsageError, match=r"nowhere\.pem"):
        sign_in_with_device_code(person, lambda text: None)

    assert [] == partner_center.sign_in_requests


# A confidential client in a browser


def browse(partner_center, show_text):
    """Do what a browser does with the address shown; where the redirect leads."""
    address = show_text.removeprefix("Open ").split()[0]
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            address, verify=str(partner_center.certificate), allow_redirects=False, timeout=10
        )
    return answer.headers["Location"]


def test_confidential_client_signs_in_with_a_browser(partner_center, server):
    """The redirect to loopback ends the sign-in; loads then need no refresh_token configured."""
    server.refresh_token = ""

    def open_browser(address):
        redirect = browse(partner_center, f"Open {address}")
        threading.Thread(target=requests.get, args=(redirect,), kwargs={"timeout": 10}).start()

    account = sign_in_with_browser(
        server, str, open_browser, certificate=partner_center.certificate
    )

    assert USER == account
    assert 200 == ask(partner_center, signed_in(partner_center, server))


def test_browser_elsewhere_signs_in_by_a_pasted_address(partner_center, server):
    """Without a browser here; the refresh token that comes of it can be printed."""
    shown = []
    sign_in_with_browser(
        server,
        shown.append,
        lambda _: pytest.fail("a browser was opened"),
        lambda: browse(partner_center, shown[0]),
        certificate=partner_center.certificate,
    )

    server.refresh_token, server.token_cache = read_refresh_token(server), server.token_cache + "2"
    assert 200 == ask(partner_center, signed_in(partner_center, server))


@pytest.mark.parametrize(
    ("pasted", "error"),
    [("http://localhost/?code=c&state=other", SignInRequired), ("nonsense", UsageError)],
)
def test_pasted_address_of_another_sign_in_is_refused(partner_center, server, pasted, error):
    """Only the answer to this very sign-in is traded in."""
    with pytest.raises(error):
        sign_in_with_browser(
            server, str, str, lambda: pasted, certificate=partner_center.certificate
        )

    assert [] == token_requests(partner_center)


# Rotation


def test_rotated_refresh_token_is_preferred(partner_center, server):
    """The configured refresh token is spent once; later runs use what replaced it."""
    partner_center.behaviour.token_lifetime_seconds = 1
    signed_in(partner_center, server).access_token()

    assert 200 == ask(partner_center, signed_in(partner_center, server))
    assert 1 == sum(
        server.refresh_token == params["refresh_token"] for params in token_requests(partner_center)
    )


def test_newly_configured_refresh_token_wins(partner_center, server):
    """A refresh token that was configured anew takes the place of what the cache holds."""
    signed_in(partner_center, server).access_token()
    server.refresh_token = partner_center.refresh_token

    signed_in(partner_center, server).access_token()

    assert server.refresh_token == token_requests(partner_center)[-1]["refresh_token"]


def test_newer_login_wins_over_a_refused_refresh_token(partner_center, server):
    """After `login` the refused token that is still configured is not used again."""
    server.client_secret, server.refresh_token = "", "refused"
    with pytest.raises(SignInRequired, match="referrals login"):
        signed_in(partner_center, server).access_token()

    login(partner_center, server)

    assert 200 == ask(partner_center, signed_in(partner_center, server))


@pytest.mark.slow
def test_processes_share_one_refresh_token(partner_center, server):
    """Processes that refresh at once never spend the same token: each uses the other's newest."""
    partner_center.behaviour.token_lifetime_seconds = 1
    # Slow enough for the other process to come in between, if nothing kept it out.
    partner_center.behaviour.on_token_request = lambda request: time.sleep(0.1)
    program = (
        "import json, pathlib\n"
        "from partner_center.sign_in.user import sign_in\n"
        "from partner_center.settings import PartnerCenterCredentials\n"
        "print('ready', flush=True)\n"
        "given = json.loads(input())\n"
        "certificate = pathlib.Path(given.pop('certificate'))\n"
        "user = sign_in(PartnerCenterCredentials(**given), certificate=certificate)\n"
        "print(len({user.access_token() for _ in range(3)}))"
    )
    names = ("client_id", "client_secret", "refresh_token", "authority", "token_cache")
    given = {name: getattr(server, name) for name in names}
    given["certificate"] = str(partner_center.certificate)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    assert ["ready\n"] * 2 == [process.stdout.readline() for process in processes]
    for process in processes:
        process.stdin.write(json.dumps(given) + "\n")
        process.stdin.flush()

    assert [("3\n", "")] * 2 == [process.communicate() for process in processes]


# A token that stops counting during a run


def test_expired_token_is_replaced(partner_center, server):
    """A token about to expire is not used any more."""
    partner_center.behaviour.token_lifetime_seconds = 1
    user = signed_in(partner_center, server)

    assert user.access_token() != user.access_token()


def test_refused_token_is_replaced_once(partner_center, person):
    """After a 401 the same request goes out again with a new token."""
    login(partner_center, person)
    user = signed_in(partner_center, person)
    user.access_token()
    partner_center.revoke_access_tokens()

    assert 200 == ask(partner_center, user)
    assert [401, 200] == [request.status for request in partner_center.requests]


def test_second_refusal_is_final(partner_center, person):
    """A 401 for a fresh token is handed on: two requests, one renewal, no storm."""
    login(partner_center, person)
    user = signed_in(partner_center, person)
    user.access_token()
    before = len(token_requests(partner_center))
    partner_center.behaviour.on_request = lambda request: JSONResponse({"code": 401}, 401)

    assert 401 == ask(partner_center, user)
    assert 2 == len(partner_center.requests)
    assert before + 1 == len(token_requests(partner_center))


def test_workers_renew_together(partner_center, person):
    """Workers that are refused with the same token get the same new one, fetched once."""
    login(partner_center, person)
    user = signed_in(partner_center, person)
    refused = user.access_token()
    before = len(token_requests(partner_center))
    gate = threading.Barrier(4)

    def renew(_):
        gate.wait()
        return user.renew(refused)

    with ThreadPoolExecutor(4) as workers:
        renewed = set(workers.map(renew, range(4)))

    assert 1 == len(renewed - {refused})
    assert before + 1 == len(token_requests(partner_center))


def test_given_token_cannot_be_renewed(partner_center, person):
    """When a token of one's own is refused, the message asks for a fresh one."""
    person.access_token = "expired"

    with pytest.raises(SignInRequired, match="fresh access_token"):
        ask(partner_center, sign_in(person))


# What the configuration lacks


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "set client_id and tenant_id"),
        ({"client_secret": "s", "refresh_token": "r"}, "set client_id and tenant_id"),
        ({"client_id": "c", "authority": "http://127.0.0.1:9/t"}, "over https"),
    ],
)
def test_missing_configuration_is_named(given, said):
    """Credentials that cannot work are refused before anything is sent."""
    with pytest.raises(UsageError, match=said):
        sign_in(PartnerCenterCredentials(**given))


def test_login_without_configuration(partner_center):
    """`login` needs to know the application."""
    with pytest.raises(UsageError, match="set client_id"):
        login(partner_center, PartnerCenterCredentials())


# What the authority refuses

SERVER_FAULTS = [
    (sign_in_error("invalid_grant", 70000, "x"), SignInRequired, "not valid any more"),
    (sign_in_error("invalid_grant", 700082, "x"), SignInRequired, "not used for too long"),
    (sign_in_error("invalid_grant", 50173, "x"), SignInRequired, "password was changed"),
    (sign_in_error("invalid_grant", 65001, "x"), SignInRequired, "nobody has consented"),
    (sign_in_error("interaction_required", 50076, "x"), SignInRequired, "multi-factor"),
    (sign_in_error("interaction_required", 1, "x"), SignInRequired, "again in person"),
    (sign_in_error("something_new", 1, "x"), SignInRequired, r"something_new, AADSTS1\)"),
    (sign_in_error("invalid_client", 7000222, "x"), UsageError, "secret has expired"),
    (sign_in_error("invalid_client", 7000215, "x"), UsageError, "secret is wrong"),
    (sign_in_error("unauthorized_client", 700016, "x"), UsageError, "Check client_id"),
    (sign_in_error("temporarily_unavailable", 90033, "x"), TryAgainLater, "out of order"),
    (sign_in_error("invalid_grant", 90072, "x"), SignInRequired, "account is not in this tenant"),
    (sign_in_error("invalid_grant", 50020, "x"), SignInRequired, "another organisation"),
    (sign_in_error("invalid_grant", 50105, "x"), SignInRequired, "An administrator assigns"),
    (sign_in_error("invalid_grant", 50078, "x"), SignInRequired, "referrals login"),
    (sign_in_error("invalid_grant", 53000, "x"), SignInRequired, "Sign in from a device"),
    (sign_in_error("unauthorized_client", 7000112, "x"), UsageError, "administrator enables it"),
    (sign_in_error("service_unavailable", 90033, "x", 503), TryAgainLater, "Try again later"),
    (sign_in_error("invalid_grant", 90033, "x"), TryAgainLater, "AADSTS90033"),
    (JSONResponse({}, 429, {"Retry-After": "57"}), Throttled, "to wait 57 s"),
    (JSONResponse({}, 429), Throttled, "to try again later"),
    (JSONResponse({}, 503, {"Retry-After": "57"}), ServerFailed, "keeps failing .503"),
    (JSONResponse({}, 500), ServerFailed, "keeps failing .500"),
    (HTMLResponse("<h1>Welcome to the hotel</h1>"), ServerFailed, "without JSON"),
    (
        Response('{"access_token": "canary-of-the-', media_type="application/json"),
        ServerFailed,
        "without JSON",
    ),
    (JSONResponse([]), ServerFailed, "without JSON"),
    (JSONResponse({}), ServerFailed, "without a token"),
    (JSONResponse({"access_token": "t", "expires_in": "soon"}), ServerFailed, "MSAL cannot use"),
    (RedirectResponse("https://127.0.0.1:9/elsewhere"), ServerFailed, "without JSON"),
]


@pytest.mark.parametrize(("response", "error", "said"), SERVER_FAULTS)
def test_refusal_is_told(partner_center, server, response, error, said):
    """Each refusal of the token endpoint has a class and a sentence of its own."""
    answer_tokens_with(partner_center, response)

    with pytest.raises(ReferralsError, match=said) as raised:
        signed_in(partner_center, server).access_token()

    assert error is raised.type


@pytest.mark.slow
def test_secrets_stay_secret(partner_center, server, caplog):
    """No refusal brings a secret into a message, a traceback, a repr or the log."""
    caplog.set_level(logging.DEBUG)
    said = []
    for response, _, _ in SERVER_FAULTS:
        answer_tokens_with(partner_center, response)
        user = signed_in(partner_center, server)
        try:
            user.access_token()
        except ReferralsError as error:
            said += [repr(error), repr(vars(user)), *traceback.format_exception(error)]
    answer_tokens_with(partner_center, None)
    user = signed_in(partner_center, server)
    token = user.renew(user.access_token())
    said += [repr(user), repr(vars(PartnerUser(user)))]
    everything = "".join(said) + caplog.text

    secrets = (server.client_secret, server.refresh_token, token, "canary-of-the-")
    assert [] == [secret for secret in secrets if secret in everything]


def test_refusal_repeats_codes_only(partner_center, server):
    """Of an error answer the code and the correlation id are told; its text may hold anything."""
    body = {
        "error": "invalid_grant",
        "error_codes": [70000],
        "error_description": f"token {server.refresh_token}",
        "correlation_id": "3f2a9d1c-0000-4000-8000-5b6c7d8e9f00",
    }
    answer_tokens_with(partner_center, JSONResponse(body, 400))

    with pytest.raises(SignInRequired) as raised:
        signed_in(partner_center, server).access_token()

    assert (True, True, False) == tuple(
        part in str(raised.value)
        for part in ("AADSTS70000", "correlation id 3f2a9d1c-0000", server.refresh_token)
    )


@pytest.mark.parametrize(
    ("response", "attempts"),
    [
        (JSONResponse({}, 503, {"Retry-After": "9"}), 1),
        (JSONResponse({}, 429), 1),
        (JSONResponse({}, 502), 3),
    ],
)
def test_authority_is_not_pressed(partner_center, server, response, attempts):
    """A passing failure is tried three times in all, an authority that asks for time once."""
    answer_tokens_with(partner_center, response)

    with pytest.raises(ReferralsError):
        signed_in(partner_center, server).access_token()

    assert attempts == len(token_requests(partner_center))


def test_passing_failure_is_survived(partner_center, server):
    """Two failures in a row do not end a run."""
    answers = [JSONResponse({}, 500), JSONResponse({}, 503)]
    partner_center.behaviour.on_token_request = lambda _: answers.pop() if answers else None

    assert 200 == ask(partner_center, signed_in(partner_center, server))


def test_device_code_runs_out(partner_center, person):
    """A code that nobody entered ends the wait with a sentence."""
    answer_tokens_with(partner_center, sign_in_error("expired_token", 70020, "x"))

    with pytest.raises(SignInRequired, match="nobody entered the code"):
        login(partner_center, person)


def test_declined_login(partner_center, person):
    """A person may say no."""
    answer_tokens_with(partner_center, sign_in_error("authorization_declined", 70018, "x"))

    with pytest.raises(SignInRequired, match="declined"):
        login(partner_center, person)


def test_login_with_unknown_client(partner_center, person):
    """An application that the authority does not know is a matter of configuration."""
    person.client_id = "00000000-0000-4000-8000-000000000000"

    with pytest.raises(UsageError, match="Check client_id"):
        login(partner_center, person)


def test_unknown_tenant(partner_center, server):
    """A tenant that the authority does not know is a matter of configuration."""
    server.authority = partner_center.authority_url.replace(partner_center.tenant_id, "nowhere")

    with pytest.raises(UsageError, match="Check tenant_id"):
        signed_in(partner_center, server).access_token()


def test_untrusted_certificate(partner_center, server, monkeypatch):
    """An authority whose certificate nobody vouches for is sent nothing."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)

    with pytest.raises(ServerFailed, match=r"certificate .* is not trusted"):
        sign_in(server).access_token()

    assert [] == partner_center.sign_in_requests


def test_unreachable_authority(partner_center, server):
    """An authority that does not answer is told by its name."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server.authority = f"https://127.0.0.1:{unused.getsockname()[1]}/tenant"

        with pytest.raises(ServerFailed, match=r"127\.0\.0\.1:\d+ could not be reached"):
            signed_in(partner_center, server).access_token()


def test_authority_may_not_refer_elsewhere(partner_center, server):
    """A token endpoint on another host is not sent the secrets."""
    with Sandbox(count=0) as other:
        user = signed_in(partner_center, server)
        user.access_token()
        user._application.authority.token_endpoint = f"{other.authority_url}/oauth2/v2.0/token"
        user._application.client.configuration["token_endpoint"] = (
            f"{other.authority_url}/oauth2/v2.0/token"
        )

        with pytest.raises(ServerFailed, match="refers to another host"):
            user.renew(user.access_token())

        assert [] == other.sign_in_requests


# The file that keeps the tokens


def test_missing_cache_asks_for_login(partner_center, person):
    """Without a sign-in, the message says what to run."""
    with pytest.raises(SignInRequired, match="Run 'referrals login'"):
        signed_in(partner_center, person).access_token()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"RefreshToken": 5}', '{"Account": {"a": 5}}', "\0" * 99]
)
def test_damaged_cache_asks_for_login(partner_center, person, token_cache, text):
    """An empty or damaged cache is told in a sentence, and holds no sign-in."""
    token_cache.parent.mkdir()
    token_cache.write_text(text)
    token_cache.chmod(0o600)

    with pytest.raises(SignInRequired, match="is empty or damaged"):
        signed_in(partner_center, person).access_token()


def test_login_mends_a_damaged_cache(partner_center, person, token_cache):
    """A new sign-in takes the place of a cache that nobody can read."""
    token_cache.parent.mkdir()
    token_cache.write_text("{")
    token_cache.chmod(0o600)
    login(partner_center, person)

    assert 200 == ask(partner_center, signed_in(partner_center, person))


def test_server_mends_a_damaged_cache(partner_center, server, token_cache):
    """A server has its refresh token still."""
    token_cache.parent.mkdir()
    token_cache.write_text("{")
    token_cache.chmod(0o600)

    assert 200 == ask(partner_center, signed_in(partner_center, server))


@only_posix
def test_cache_is_private(partner_center, person, token_cache):
    """Nobody else can read the file, its lock or the directory made for it."""
    login(partner_center, person)

    assert {"kept": 0o700, "token_cache.json": 0o600, "token_cache.json.lock": 0o600} == {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (token_cache.parent, *token_cache.parent.iterdir())
    }


@only_posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_open_cache_is_refused(partner_center, person, token_cache, mode):
    """A cache that others can read or write is not used, and the message says how to close it."""
    login(partner_center, person)
    token_cache.chmod(mode)

    with pytest.raises(UsageError, match=f"chmod 600 {token_cache}"):
        signed_in(partner_center, person).access_token()


@only_posix
def test_linked_cache_is_refused(partner_center, person, token_cache):
    """A symbolic link is not followed, neither for reading nor by a new sign-in."""
    token_cache.parent.mkdir()
    token_cache.symlink_to(token_cache.with_name("elsewhere"))

    for use in (login, lambda *given: signed_in(*given).access_token()):
        with pytest.raises(UsageError, match="symbolic link"):
            use(partner_center, person)

    assert not token_cache.with_name("elsewhere").exists()


@only_posix
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_cache_that_is_no_file(partner_center, person, token_cache, make):
    """A directory or a pipe in the place of the cache is told, not waited for."""
    token_cache.parent.mkdir()
    make(token_cache)

    with pytest.raises(UsageError, match=r"is no file|Is a directory"):
        signed_in(partner_center, person).access_token()


def test_cache_below_a_file(partner_center, person, tmp_path):
    """A path that cannot be made is told before anybody signs in."""
    (tmp_path / "file").write_text("")
    person.token_cache = str(tmp_path / "file" / "token_cache.json")

    with pytest.raises(UsageError, match="cannot be written"):
        login(partner_center, person)

    assert [] == partner_center.sign_in_requests


@only_posix
def test_what_a_killed_process_left(partner_center, person, token_cache):
    """A half-written draft of a killed process is written over, private from the start."""
    token_cache.parent.mkdir()
    draft = token_cache.with_name("token_cache.json.new")
    draft.write_text('{"half')
    draft.chmod(0o644)
    login(partner_center, person)

    assert (0o600, False) == (stat.S_IMODE(token_cache.stat().st_mode), draft.exists())


def test_login_keeps_other_sign_ins(partner_center, person, token_cache):
    """Signing in for one application leaves what the file holds for another."""
    token_cache.parent.mkdir()
    token_cache.write_text('{"SignIn": {"other": {"client_id": "other"}}}')
    token_cache.chmod(0o600)
    login(partner_center, person)

    assert {"client_id": "other"} == json.loads(token_cache.read_text())["SignIn"]["other"]


def test_default_cache_is_in_the_data_directory(partner_center, person, tmp_path, monkeypatch):
    """Without `token_cache`, tokens are kept below the user's data directory."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    person.token_cache = ""
    login(partner_center, person)

    assert (tmp_path / "partner-referrals" / "token_cache.json").is_file()
