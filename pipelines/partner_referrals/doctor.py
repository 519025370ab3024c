"""From nothing to a first load: what is there, and the next thing that is missing."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from partner_center import connect
from partner_center.resources import RESOURCES, Resource
from partner_center.settings import (
    PartnerCenterSettings,
    check_source_configuration,
    resolve_settings,
)
from partner_center.sign_in.identity import token_identity
from partner_center.sign_in.user import sign_in
from partner_center.wording import counted
from partner_referrals.alerts import alert, read_address
from partner_referrals.errors import (
    ReferralsError,
    SignInRequired,
    UsageError,
    WarehouseFailed,
    worst_of,
)
from partner_referrals.load.options import utc_now
from partner_referrals.publish.publish import require_publishable
from partner_referrals.settings import (
    ALERTS_HEARTBEAT,
    ALERTS_WEBHOOK,
    PUBLISH_DIR,
    check_configuration,
    locate_warehouse,
    read_destination,
)
from partner_referrals.warehouse.connection import open_warehouse, require_usable
from partner_referrals.warehouse.lock import lock_of
from partner_referrals.warehouse.records import count_records, describe_records
from partner_referrals.warehouse.tables import (
    explain_future_load,
    has_table,
    require_own_columns,
)
from partner_referrals.warehouse.view_settings import read_view_settings
from partner_referrals.warehouse.views import SQL

# "Quickstart: Register an application in Microsoft Entra ID"; Partner Center's id and permission
# are those of "Partner Center authentication"; a device code needs a public client ("Device code
# flow" of MSAL); the portal shows the switch under Settings or under Advanced settings.
_REGISTER = """\
register an application in Microsoft Entra ID, once for your organisation.
  1. Open https://entra.microsoft.com as somebody who may register applications, then
     App registrations > New registration. Any name; accounts in this organizational directory
     only; no redirect URI.
  2. API permissions > Add a permission > APIs my organization uses > Microsoft Partner Center
     (fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd) > Delegated permissions > user_impersonation. To load
     deals too, the same of 4990cffe-04e8-4e8b-808a-1175604b879f.
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
  2. Run 'referrals login' and do what it says: it shows a page and a code or, with client_secret,
     opens the page for signing in."""


@dataclass(frozen=True)
class Finding:
    """One step on the way to a first load; a missing one has an exit code, and perhaps advice.

    `outcome` is empty while the step waits for the one that it needs.
    """

    subject: str
    state: Literal["ok", "missing", "waiting"]
    outcome: str = ""
    advice: str = ""
    exit_code: int = 0


def examine(option: Path | None, *, send_test: bool = False) -> Iterator[Finding]:
    """Look at each step in turn; one waits where the step that it needs is missing.

    `option` is the warehouse that the command line names, if any. With `send_test` the configured
    chat gets a message.
    """
    steps: tuple[tuple[str, str, Callable[[], str]], ...] = (
        ("configuration", "", _describe_configuration),
        ("registration", "configuration", lambda: _describe_registration(resolve_settings())),
        ("sign-in", "registration", lambda: _describe_sign_in(resolve_settings())),
        ("endpoint", "sign-in", lambda: _describe_endpoints(resolve_settings())),
        ("warehouse", "configuration", lambda: _describe_warehouse(locate_warehouse(option))),
        ("views", "configuration", _describe_view_settings),
        ("publish", "configuration", lambda: _describe_publish(locate_warehouse(option))),
        ("alerts", "configuration", lambda: _describe_alerts(send_test)),
    )
    done = {""}
    for subject, needed, describe in steps:
        if needed not in done:
            yield Finding(subject, "waiting")
            continue
        try:
            yield Finding(subject, "ok", describe())
            done.add(subject)
        except ReferralsError as error:
            advice = "\n".join(getattr(error, "__notes__", ()))
            yield Finding(subject, "missing", str(error), advice, error.exit_code)


def _describe_configuration() -> str:
    check_configuration()
    check_source_configuration()
    settings = resolve_settings()
    hosts = dict.fromkeys(RESOURCES[name].base_url(settings) for name in settings.resources)
    return f"{', '.join(hosts)}, cloud {settings.cloud}"


def _describe_registration(settings: PartnerCenterSettings) -> str:
    credentials = settings.credentials
    if credentials.access_token or credentials.engagements_access_token:
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
        scopes = dict.fromkeys(RESOURCES[name].scope for name in settings.resources)
        tokens = [signed_in.access_token(scope) for scope in scopes]
    except SignInRequired as error:
        if not settings.credentials.refresh_token:
            error.add_note(_SIGN_IN)
        raise
    credentials = settings.credentials
    is_given = credentials.access_token or credentials.engagements_access_token
    outcome = "an access_token is given" if is_given else "signed in"
    methods = [token_identity(token).methods for token in tokens]
    if any(each and "mfa" not in each for each in methods):
        # "Partner Center authentication": calls for a user need it.
        outcome += (
            ", but without multifactor authentication, which Partner Center asks for: turn it on "
            "for this user, then sign in anew"
        )
    return outcome


def _describe_endpoints(settings: PartnerCenterSettings) -> str:
    answers: list[str] = []
    errors: list[ReferralsError] = []
    for name in settings.resources:
        try:
            answers.append(_describe_endpoint(settings, RESOURCES[name]))
        except ReferralsError as error:
            errors.append(error)
            answers.append(f"{name}: {error}" if len(settings.resources) > 1 else str(error))
    if errors:
        worst = worst_of(errors)
        raise type(worst)("; ".join(answers)) from worst
    return "; ".join(answers)


def _describe_endpoint(settings: PartnerCenterSettings, resource: Resource) -> str:
    client = connect(settings, resource=resource)
    page = client.get(resource.paging.parameters(None, 1), resource.reader.read_page)
    total = page.envelope.total
    if not page.item_count:
        return f"answers, without {resource.noun}"
    if total is None:
        return f"answers; one of an unknown number of {resource.noun} read as a test"
    return f"answers; 1 of {counted(total, resource.noun)} read as a test"


def _describe_warehouse(warehouse: Path) -> str:
    require_usable(warehouse)
    for each in (warehouse.parent, lock_of(warehouse), warehouse):
        _require_writable(each, "load")
    if read_destination() == "postgres":
        # What only some installations have brings its driver.
        from partner_referrals.load.postgres import describe_postgres

        return describe_postgres(warehouse)
    if not warehouse.exists():
        return f"{warehouse} will be made by the first load"
    with open_warehouse(warehouse, read_only=True, wait_seconds=0) as connection:
        require_own_columns(connection)
        if has_table(connection, "load_runs") and (
            future_load := explain_future_load(connection, utc_now())
        ):
            raise WarehouseFailed(future_load)
        return f"{warehouse} holds {describe_records(count_records(connection))}"


def _describe_view_settings() -> str:
    settings = read_view_settings()
    values = settings.read(SQL)
    used = []
    if settings.sla_rules:
        used.append(f"{counted(len(values.sla_rules), 'deadlines')} from {settings.sla_rules}")
    if settings.fx_rates:
        used.append(f"{counted(len(values.fx_rates), 'exchange rates')} from {settings.fx_rates}")
    if values.funnel:
        used.append(f"the funnel counts {values.funnel}")
    return ", ".join(used) or "as shipped"


def _describe_publish(warehouse: Path) -> str:
    target = PUBLISH_DIR.read_path()
    if target is None:
        return "nothing is published after a load"
    if not target.exists() and target.parent.is_dir():
        _require_writable(target.parent, "publish")
        return f"{target} will be made by the first load"
    require_publishable(warehouse, target)
    _require_writable(target, "publish")
    return f"into {target}"


def _require_writable(path: Path, verb: str) -> None:
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(
            f"{path} cannot be written to. Give this user write permission; 'referrals {verb}' "
            "needs it."
        )


def _describe_alerts(send_test: bool) -> str:
    webhook, heartbeat = read_address(ALERTS_WEBHOOK), read_address(ALERTS_HEARTBEAT)
    if send_test and not webhook:
        raise UsageError("There is nobody to send a test to: [alerts] webhook is empty.")
    host = urlsplit(webhook).hostname
    if send_test and (trouble := alert(webhook, "This is a test by 'referrals doctor'.")):
        raise UsageError(trouble)
    used = [f"{host} {'was sent a test' if send_test else 'is told of failures'}"] if host else []
    if heartbeat:
        # Asking for it here would tell of a load that was none.
        used.append(f"{urlsplit(heartbeat).hostname} is asked for after each good load")
    return ", ".join(used) or "nobody is told of failures"
