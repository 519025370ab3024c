"""The whole job against a local stand-in for Partner Center, into a warehouse of its own."""

import tempfile
from functools import partial
from pathlib import Path

from partner_center.resources import RESOURCES
from partner_center.settings import PartnerCenterCredentials, PartnerCenterSettings
from partner_center.sign_in.msal_sign_in import sign_in_with_device_code
from partner_center_sandbox import Sandbox
from partner_referrals.errors import UsageError
from partner_referrals.load import load_resources
from partner_referrals.load.options import Clock
from partner_referrals.load.progress import Progress
from partner_referrals.warehouse.connection import open_warehouse

REFERRAL_COUNT = 12_000
_MARK = "create schema settings; create table settings.made_by_demo (made_at timestamp)"


def run_demo(warehouse: Path, clock: Clock, progress: Progress) -> None:
    """Sign in, load, let a day pass, load again; leaves the warehouse at `warehouse`.

    The file is made new. Raises UsageError where it exists and no demo made it.
    """
    _make_new(warehouse)
    with (
        tempfile.TemporaryDirectory(prefix="referrals-") as directory,
        Sandbox(count=REFERRAL_COUNT, now=clock()) as sandbox,
    ):
        settings = _settings(sandbox, Path(directory) / "token-cache.json")
        progress.say("A stand-in for Partner Center runs on this machine. Signing in to it ...")
        sandbox.auto_approve = True
        sign_in_with_device_code(
            settings.credentials,
            certificate=sandbox.certificate,
            show=lambda _: progress.say("It confirms the code itself, as you would in a browser."),
        )
        progress.say("First load: everything there is.")
        with_stand_in = partial(
            load_resources,
            warehouse,
            settings=settings,
            certificate=sandbox.certificate,
            clock=clock,
            progress=progress,
        )
        with_stand_in().raise_worst()
        sandbox.next_day()
        progress.say("The next day: new referrals came in, others moved on. Loading the changes.")
        with_stand_in().raise_worst()


def _settings(sandbox: Sandbox, token_cache: Path) -> PartnerCenterSettings:
    """Settings for the stand-in alone, whatever is configured for the real Partner Center."""
    settings = PartnerCenterSettings(
        base_url=sandbox.base_url,
        engagements_base_url=sandbox.base_url,
        resources=list(RESOURCES),
        credentials=PartnerCenterCredentials(
            tenant_id=sandbox.tenant_id,
            client_id=sandbox.client_id,
            authority=sandbox.authority_url,
            token_cache=str(token_cache),
        ),
    )
    settings.complete()
    return settings


def _make_new(warehouse: Path) -> None:
    if warehouse.exists():
        with open_warehouse(warehouse, read_only=True, wait_seconds=0) as connection:
            is_ours = connection.execute(
                "select count(*) from duckdb_tables() where table_name = 'made_by_demo'"
            ).fetchall()[0][0]
        if not is_ours:
            raise UsageError(
                f"{warehouse} was not made by a demo, so the demo does not touch it. Name another "
                "file with --warehouse."
            )
        warehouse.unlink()
        warehouse.with_name(f"{warehouse.name}.wal").unlink(missing_ok=True)
    with open_warehouse(warehouse) as connection:
        connection.execute(_MARK)
