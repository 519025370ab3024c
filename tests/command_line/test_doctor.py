"""`referrals doctor` leads from nothing to a first load, one missing thing at a time."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from partner_center.settings import resolve_settings
from partner_center.sign_in.msal_sign_in import sign_in_with_device_code
from partner_center_sandbox import Sandbox
from partner_center_sandbox.tokens import TokenUser
from support.records import NOW, referral

STEPS = [
    "configuration",
    "registration",
    "sign-in",
    "endpoint",
    "warehouse",
    "views",
    "publish",
    "alerts",
]


# Permissions hold for root too without these rights.
_RIGHTS = "-dac_override,-dac_read_search"
WITHOUT_ROOT = (
    ["setpriv", f"--bounding-set={_RIGHTS}", f"--inh-caps={_RIGHTS}"] if os.geteuid() == 0 else []
)


@pytest.fixture
def configure_key(monkeypatch):
    """Sets a key of Partner Center's configuration."""
    return lambda key, value: monkeypatch.setenv(f"SOURCES__PARTNER_CENTER__{key}", value)


@pytest.fixture
def registered(configure_key, monkeypatch):
    """A stand-in for Partner Center and its authority, with the application registered there."""
    with Sandbox([referral("a")], now=NOW) as sandbox:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.certificate))
        configure_key("BASE_URL", sandbox.base_url)
        configure_key("CREDENTIALS__AUTHORITY", sandbox.authority_url)
        configure_key("CREDENTIALS__TENANT_ID", sandbox.tenant_id)
        configure_key("CREDENTIALS__CLIENT_ID", sandbox.client_id)
        yield sandbox


def examined(out):
    """State and subject of each step in what doctor printed."""
    return [tuple(line.split()[:2]) for line in out.splitlines()[: len(STEPS)]]


def without(missing):
    """What is printed of the steps where this one is missing: those that need it wait."""
    needs_it = {"configuration": STEPS[1:], "registration": STEPS[2:4], "sign-in": STEPS[3:4]}
    waiting = needs_it.get(missing, ())
    states = {missing: "missing"} | dict.fromkeys(waiting, "waiting")
    return [(states.get(step, "ok"), step) for step in STEPS]


def test_everything_in_place_leads_to_the_load(serve, referrals):
    """All steps are there, and the next thing to do is loading."""
    serve(referral("a"), referral("b"))

    code, out, _ = referrals("doctor")

    assert 0 == code
    assert [("ok", step) for step in STEPS] == examined(out)
    assert "1 of 2 referrals read as a test" in out
    assert "'referrals load' brings in" in out


def test_broken_configuration_comes_first(configure_key, referrals):
    """A setting that cannot work hides whatever builds on it."""
    configure_key("CLOUD", "moon")

    code, out, _ = referrals("doctor")

    assert (2, without("configuration")) == (code, examined(out))


def test_nothing_at_all_leads_to_the_registration(referrals):
    """On a fresh machine the way through the portal is told: permission, consent, public client."""
    code, out, _ = referrals("doctor")

    assert (2, without("registration")) == (code, examined(out))
    for click in ("entra.microsoft.com", "user_impersonation", "consent", "public client flows"):
        assert click in out
    assert "referrals login" not in out


def test_token_of_deals_alone_needs_no_registration(configure_key, referrals):
    """A token that is given is enough, also where deals are all that is loaded."""
    configure_key("RESOURCES", '["engagements"]')
    configure_key("CREDENTIALS__ENGAGEMENTS_ACCESS_TOKEN", "given")
    configure_key("ENGAGEMENTS_BASE_URL", "http://127.0.0.1:9")

    assert "not needed, an access_token is given" in referrals("doctor")[1]


def test_client_without_tenant_leads_to_the_tenant(configure_key, referrals):
    """A single missing id is asked for alone."""
    configure_key("CREDENTIALS__CLIENT_ID", "0a1b")

    code, out, _ = referrals("doctor")

    assert (2, without("registration")) == (code, examined(out))
    assert "tenant_id" in out
    assert "user_impersonation" not in out


def test_registered_application_leads_to_the_sign_in(registered, referrals):
    """Who should sign in, and with which command."""
    code, out, _ = referrals("doctor")

    assert (3, without("sign-in")) == (code, examined(out))
    assert "Referrals admin" in out
    assert "'referrals login'" in out


def test_signed_in_user_leads_to_the_load(registered, referrals):
    """After the sign-in nothing is missing."""
    registered.auto_approve = True
    sign_in_with_device_code(
        resolve_settings().credentials, show=str, certificate=registered.certificate
    )

    code, out, _ = referrals("doctor")

    assert (0, [("ok", step) for step in STEPS]) == (code, examined(out))


def test_refused_refresh_token_leads_to_login(registered, configure_key, referrals):
    """Both ways out are told: a newer sign-in, and a new refresh token."""
    configure_key("CREDENTIALS__CLIENT_SECRET", registered.client_secret)
    configure_key("CREDENTIALS__REFRESH_TOKEN", "spent")

    code, out, _ = referrals("doctor")

    assert (3, without("sign-in")) == (code, examined(out))
    assert "'referrals login'" in out
    assert "new refresh_token" in out


def test_refused_token_is_found_at_the_endpoint(serve, referrals):
    """A token that somebody gave is only known to be bad when it is used."""
    serve(referral("a")).revoke_access_tokens()

    code, out, _ = referrals("doctor")

    assert (3, without("endpoint")) == (code, examined(out))


def test_unusable_warehouse_is_found(serve, referrals, tmp_path):
    """The path is looked at before the first load does."""
    serve(referral("a"))

    code, out, _ = referrals("doctor", "--warehouse", tmp_path)

    assert (2, without("warehouse")) == (code, examined(out))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("locked", "mode", "step"),
    [
        (".", 0o555, "warehouse"),
        ("referrals.duckdb", 0o444, "warehouse"),
        ("referrals.duckdb.lock", 0o444, "warehouse"),
        ("bi", 0o555, "publish"),
    ],
)
def test_what_a_load_may_not_write_is_found(
    serve, empty_warehouse, tmp_path, monkeypatch, locked, mode, step
):
    """Doctor finds the permissions in the way, of a load that would fail on them."""
    serve(referral("a"))
    home = tmp_path / "home"
    (home / "bi").mkdir(parents=True)
    if locked != ".":
        shutil.copy(empty_warehouse, home / "referrals.duckdb")
        (home / "referrals.duckdb.lock").touch()
    (home / locked).chmod(mode)
    target = home / "bi" / "new" if step == "publish" else tmp_path / "published"
    monkeypatch.setenv("PUBLISH__DIR", str(target))

    tried = [
        subprocess.run(
            [*WITHOUT_ROOT, sys.executable, "-m", "partner_referrals", command],
            cwd=home, capture_output=True, text=True,
        )
        for command in ("doctor", "load")
    ]  # fmt: skip

    assert [2, 2] == [done.returncode for done in tried]
    assert without(step) == examined(tried[0].stdout)
    assert "cannot be written to" in tried[0].stdout


def test_unknown_key_is_a_missing_step(tmp_path, referrals):
    """A file that cannot be used is told as the first thing to mend."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text("[alert]\nwebhook = 'https://x.example'\n")

    code, out, _ = referrals("doctor")

    assert 2 == code
    assert without("configuration") == examined(out)
    assert "Did you mean 'alerts'" in out


@pytest.mark.parametrize(
    ("step", "key", "value", "reason"),
    [
        ("views", "VIEWS__SLA_RULES", "nowhere.csv", "nowhere.csv"),
        ("views", "VIEWS__FX_RATES", "nowhere.csv", "nowhere.csv"),
        ("publish", "PUBLISH__DIR", "mount/elsewhere", "Create or mount its parent"),
        ("publish", "PUBLISH__DIR", ".", "holds the warehouse"),
        ("alerts", "ALERTS__HEARTBEAT", "http://x.example/canary", "must be an https address"),
    ],
)
def test_what_a_load_uses_afterwards_is_looked_at(
    serve, referrals, monkeypatch, step, key, value, reason
):
    """Files, the directory to publish to and addresses are found wanting before a night does."""
    serve(referral("a"))
    monkeypatch.setenv(key, value)

    code, out, _ = referrals("doctor")

    assert 2 == code
    assert without(step) == examined(out)
    assert reason in out
    assert "canary" not in out


def test_second_factor_that_is_missing_is_told(serve, referrals, configure):
    """A token that names a sign-in without one is told, for Partner Center will refuse it."""
    sandbox = serve(referral("a"))
    sandbox.behaviour.token_user = TokenUser(methods=("pwd",))
    sandbox.revoke_access_tokens()
    configure(sandbox)

    _, out, _ = referrals("doctor")

    assert "without multifactor authentication" in out


def test_each_resource_tells_its_own_refusal(serve, referrals, configure_key):
    """Where one of several is refused, the others' answers and its reason stand side by side."""
    sandbox = serve(referral("a"))
    configure_key("RESOURCES", '["referrals", "engagements"]')
    configure_key("ENGAGEMENTS_BASE_URL", sandbox.base_url)
    configure_key("CREDENTIALS__ENGAGEMENTS_ACCESS_TOKEN", sandbox.access_token)

    code, out, _ = referrals("doctor")

    assert 3 == code
    assert without("endpoint") == examined(out)
    assert "1 of 1 referral read as a test; engagements: " in out


def test_doctor_as_json_is_one_object(referrals):
    """One entry for each step, with the advice where one is missing."""
    _, out, _ = referrals("doctor", "--json")

    found = json.loads(out)
    assert STEPS == list(found)
    assert "missing" == found["registration"]["state"]
    assert "New registration" in found["registration"]["advice"]
    assert "waiting" == found["endpoint"]["state"]
