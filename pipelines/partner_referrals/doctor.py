"""From nothing to a first load: what is there, and the next thing that is missing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from partner_center import connect
from partner_center.resources import RESOURCES, Resource
from partner_center.settings import PartnerCenterSettings, resolve_settings
from partner_center.sign_in.user import sign_in
from partner_referrals.errors import ReferralsError, SignInRequired, UsageError
from partner_referrals.load.state import read_state
from partner_referrals.settings import read_destination
from partner_referrals.warehouse.connection import open_warehouse

# "Quickstart: Register an application in Microsoft Entra ID"; Partner Center's id and permission
# are those of "Partner Center authentication"; a device code needs a public client ("Device code
# flow" of MSAL); the portal shows the switch under Settings or under Advanced settings.
_REGISTER = """\
register an application in Microsoft Entra ID, once for your organisation.
  1. Open https://entra.microsoft.com as somebody who may register applications, then
     App registrations > New registration. Any name; accounts in this organizational directory
     only; no redirect URI.
  2. API permissions > Add a permission > APIs my organization uses > Microsoft Partner Center
     (fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd) > Delegated permissions > user_impersonation.
  3. There too: Grant admin consent. Only an administrator can; without it, each user is asked
     when signing in, where your organisation allows that.
  4. Authentication: set 'Allow public client flows' to Yes, and save.
  5. Copy two ids from Overview into .dlt/secrets.toml:
       [sources.partner_center.credentials]
       tenant_id = "Directory (tenant) ID"
       client_id = "Application (client) ID\""""

_NAME_TENANT = """\
copy 'Directory (tenant) ID' from the Overview of your app registration into .dlt/secrets.toml:
       [sources.partner_center.credentials]
       tenant_id = "..."
  (If the application is registered for any organisation, write "organizations".)"""

# "Referrals API authentication" names the role; "Partner Center authentication" tells that users
# have to pass multifactor authentication.
_SIGN_IN = """\
sign in once, as a partner user; the tokens are kept, so that loads need nobody.
  1. In Partner Center > Settings > User management, give that user the role 'Referrals admin'.
     The user has to have multifactor authentication.
  2. Run 'referrals login', open the page that it names, and enter the code there."""


@dataclass(frozen=True)
class Finding:
    """One step on the way to a first load; a missing one has an exit code, and perhaps advice.

    `outcome` is empty while the step waits for those before it.
    """

    subject: str
    state: Literal["ok", "missing", "waiting"]
    outcome: str = ""
    advice: str = ""
    exit_code: int = 0


def examine(warehouse: Path, now: datetime) -> Iterator[Finding]:
    """Look at each step in turn, up to the first that is missing; the rest waits."""
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("configuration", lambda: _describe_settings(resolve_settings())),
        ("registration", lambda: _describe_registration(resolve_settings())),
        ("sign-in", lambda: _describe_sign_in(resolve_settings())),
        ("endpoint", lambda: _describe_endpoints(resolve_settings())),
        ("warehouse", lambda: _describe_warehouse(warehouse, now)),
    )
    is_blocked = False
    for subject, describe in steps:
        if is_blocked:
            yield Finding(subject, "waiting")
            continue
        try:
            yield Finding(subject, "ok", describe())
        except ReferralsError as error:
            is_blocked = True
            advice = "\n".join(getattr(error, "__notes__", ()))
            yield Finding(subject, "missing", str(error), advice, error.exit_code)


def _describe_settings(settings: PartnerCenterSettings) -> str:
    hosts = dict.fromkeys(RESOURCES[name].base_url(settings) for name in settings.resources)
    return f"{', '.join(hosts)}, cloud {settings.cloud}"


def _describe_registration(settings: PartnerCenterSettings) -> str:
    credentials = settings.credentials
    if credentials.access_token:
        return "not needed, an access_token is given"
    if not credentials.client_id:
        missing = UsageError("Nothing says yet which application signs in: client_id is empty.")
        missing.add_note(_REGISTER)
        raise missing
    if credentials.authority.endswith("/organizations") and not credentials.tenant_id:
        missing = UsageError("Nothing says yet which organisation signs in: tenant_id is empty.")
        missing.add_note(_NAME_TENANT)
        raise missing
    return f"application {credentials.client_id}, at {credentials.authority}"


def _describe_sign_in(settings: PartnerCenterSettings) -> str:
    try:
        signed_in = sign_in(settings.credentials)
        for scope in dict.fromkeys(RESOURCES[name].scope for name in settings.resources):
            signed_in.access_token(scope)
    except SignInRequired as error:
        if not settings.credentials.refresh_token:
            error.add_note(_SIGN_IN)
        raise
    return "an access_token is given" if settings.credentials.access_token else "signed in"


def _describe_endpoints(settings: PartnerCenterSettings) -> str:
    return "; ".join(_describe_endpoint(settings, RESOURCES[name]) for name in settings.resources)


def _describe_endpoint(settings: PartnerCenterSettings, resource: Resource) -> str:
    client = connect(settings, resource=resource)
    page = client.get(resource.paging.parameters(None, 1), resource.reader.read_page)
    total = page.envelope.total
    if not page.item_count:
        return f"answers, without {resource.noun}"
    count = "an unknown number of" if total is None else f"{total:,}"
    return f"one of {count} {resource.noun} fetched"


def _describe_warehouse(warehouse: Path, now: datetime) -> str:
    if read_destination() == "postgres":
        # What only some installations have brings its driver.
        from partner_referrals.load.postgres import describe_postgres

        return describe_postgres()
    if not warehouse.exists():
        if not warehouse.parent.is_dir():
            raise UsageError(f"There is no directory {warehouse.parent} for the warehouse.")
        return f"{warehouse} will be made by the first load"
    with open_warehouse(warehouse, read_only=True, wait_seconds=0) as connection:
        state = read_state(connection, now)
    return f"{warehouse} holds {state.row_count:,} referrals"
