"""From nothing to a first load: what is there, and the next thing that is missing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.errors import ReferralsError, UsageError
from pipelines.partner_center import connect
from pipelines.partner_center.auth import sign_in
from pipelines.partner_center.records import read_page
from pipelines.partner_center.settings import PartnerCenterSettings, resolve_settings
from pipelines.warehouse.connection import open_warehouse
from pipelines.warehouse.known import read_known


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `error` says what is wrong with it, if anything."""

    subject: str
    outcome: str
    error: ReferralsError | None = None


def examine(warehouse: Path, now: datetime) -> Iterator[Finding]:
    """Look at configuration, sign-in, endpoint and warehouse, in that order.

    What builds on something broken is left out; the warehouse is looked at in any case.
    """
    yield from _examine_partner_center()
    yield _look("warehouse", lambda: _describe_warehouse(warehouse, now))


def _examine_partner_center() -> Iterator[Finding]:
    found: list[PartnerCenterSettings] = []
    finding = _look("configuration", lambda: _describe_settings(found))
    yield finding
    if finding.error:
        return
    finding = _look("sign-in", lambda: _describe_sign_in(found[0]))
    yield finding
    if not finding.error:
        yield _look("endpoint", lambda: _describe_endpoint(found[0]))


def _look(subject: str, describe: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, describe())
    except ReferralsError as error:
        return Finding(subject, str(error), error)


def _describe_settings(found: list[PartnerCenterSettings]) -> str:
    settings = resolve_settings()
    found.append(settings)
    return f"{settings.base_url}, cloud {settings.cloud}"


def _describe_sign_in(settings: PartnerCenterSettings) -> str:
    sign_in(settings.credentials).access_token()
    return "an access_token is given" if settings.credentials.access_token else "signed in"


def _describe_endpoint(settings: PartnerCenterSettings) -> str:
    page = connect(settings).get({"top": 1, "skip": 0}, read_page)
    total = page.envelope.total
    count = "an unknown number of" if total is None else f"{total:,}"
    return f"one referral fetched, of {count}" if page.item_count else "answers, without referrals"


def _describe_warehouse(warehouse: Path, now: datetime) -> str:
    if not warehouse.exists():
        if not warehouse.parent.is_dir():
            raise UsageError(f"There is no directory {warehouse.parent} for the warehouse.")
        return f"{warehouse} will be made by the first load"
    with open_warehouse(warehouse, read_only=True, wait_seconds=0) as connection:
        known = read_known(connection, now)
    return f"{warehouse} holds {known.referral_count:,} referrals"
