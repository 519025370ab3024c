"""Makes a warehouse without a test's own fixtures, to be shared by a whole module."""

from pathlib import Path
from typing import Any

from conftest import NOW, Notes

from pipelines.partner_center import connect
from pipelines.partner_center.settings import PartnerCenterCredentials, PartnerCenterSettings
from pipelines.referrals_pipeline import Load, Wishes
from pipelines.sandbox import Sandbox


def make_warehouse(path: Path, records: list[Any]) -> Path:
    """The warehouse at `path` after one load of these records."""
    with Sandbox(records, now=NOW) as sandbox:
        load_from(sandbox, path)
    return path


def load_from(sandbox: Sandbox, path: Path) -> None:
    """Load what a stand-in holds now into the warehouse at `path`."""
    settings = PartnerCenterSettings(
        base_url=sandbox.base_url,
        credentials=PartnerCenterCredentials(access_token=sandbox.access_token),
    )
    settings.on_resolved()
    Load(settings, connect(settings), path, Wishes(), lambda: NOW, Notes()).run()
