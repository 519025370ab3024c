"""What may be configured beside Partner Center itself; all of it may be left out."""

from dataclasses import dataclass
from pathlib import Path

import dlt

from partner_referrals.errors import UsageError

DESTINATIONS = ("duckdb", "postgres")


@dataclass(frozen=True)
class Setting:
    """One key of dlt's configuration, and what it means to a user."""

    section: str
    name: str
    meaning: str

    def read(self) -> str:
        """What is configured, empty where nothing is."""
        return (dlt.config.get(f"{self.section}.{self.name}", str) or "").strip()

    def read_path(self) -> Path | None:
        """The path that is configured, if any."""
        return Path(text) if (text := self.read()) else None


PIPELINE_DESTINATION = Setting(
    "pipeline",
    "destination",
    "Where the warehouse is: `duckdb` (a file, the default) or `postgres`; see docs/scaling.md.",
)
PUBLISH_DIR = Setting(
    "publish",
    "dir",
    "Directory for the copy that BI tools read, made after each load (`referrals publish DIR`).",
)
ALERTS_WEBHOOK = Setting(
    "alerts",
    "webhook",
    "Address of a Slack- or Teams-shaped chat that is told when a load fails or does not "
    "reconcile. https only. Who knows it can write to the chat: keep it in `secrets.toml`.",
)
VIEWS_SLA_RULES = Setting(
    "views",
    "sla_rules",
    "CSV file of your own response deadlines, used instead of `sql/seeds/sla_rules.csv` and with "
    "the same columns.",
)
SETTINGS = (PIPELINE_DESTINATION, PUBLISH_DIR, ALERTS_WEBHOOK, VIEWS_SLA_RULES)


def read_destination() -> str:
    """Where the warehouse is, `duckdb` or `postgres`; raises UsageError for anything else."""
    destination = PIPELINE_DESTINATION.read() or DESTINATIONS[0]
    if destination not in DESTINATIONS:
        raise UsageError(
            f"[pipeline] destination is '{destination}', but a warehouse can only be in "
            f"{' or '.join(DESTINATIONS)}. Nothing was loaded; correct the setting."
        )
    return destination
