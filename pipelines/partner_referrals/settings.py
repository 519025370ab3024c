"""Reads and checks the configuration beside Partner Center's own; all of it may be left out."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partner_center.configuration_files import check_names, look_up, read_files, resolve_path
from partner_referrals.errors import UsageError

DESTINATIONS = ("duckdb", "postgres")
DEFAULT_WAREHOUSE = "referrals.duckdb"


@dataclass(frozen=True)
class Setting:
    """One key of the configuration, and what it means to a user."""

    section: str
    name: str
    meaning: str

    @property
    def variable(self) -> str:
        """The environment variable that wins over the files."""
        return f"{self.section}__{self.name}".upper()

    def read(self) -> str:
        """What is configured, empty where nothing is."""
        return self._find()[0]

    def read_path(self) -> Path | None:
        """The path that is configured, if any; a relative one starts where `.dlt` is."""
        text, directory = self._find()
        return resolve_path(text, directory, f"{self.section}.{self.name}") if text else None

    def read_flag(self) -> bool:
        """Whether it is true; false where nothing is configured."""
        value, _ = self._look_up()
        text = str(value).strip().lower()
        if text not in ("true", "false", ""):
            raise UsageError(f"[{self.section}] {self.name} is '{value}'. Write true or false.")
        return text == "true"

    def _look_up(self) -> tuple[Any, Path]:
        if value := os.environ.get(self.variable, "").strip():
            return value, Path()
        return look_up(self.section, self.name)

    def _find(self) -> tuple[str, Path]:
        """The value, and the directory from which a relative path starts."""
        value, directory = self._look_up()
        if not isinstance(value, str):
            raise UsageError(
                f"[{self.section}] {self.name} is of the type {type(value).__name__}, not a text. "
                "Write it in quotes."
            )
        return value.strip(), directory


PIPELINE_DESTINATION = Setting(
    "pipeline",
    "destination",
    "Where the warehouse is: `duckdb` (a file, the default) or `postgres`; see docs/scaling.md.",
)
PIPELINE_MATERIALISE = Setting(
    "pipeline",
    "materialise",
    "With `true` the marts on PostgreSQL are materialised views, which each load makes anew: they "
    "answer at once, as of that load alone.",
)
PIPELINE_WAREHOUSE = Setting(
    "pipeline",
    "warehouse",
    "The warehouse file, unless `--warehouse` or `REFERRALS_WAREHOUSE` names another; otherwise "
    "`referrals.duckdb` in the working directory.",
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
    "reconcile: https, except on this machine. Anyone who knows it can post to the chat: keep it "
    "in `secrets.toml`.",
)
ALERTS_HEARTBEAT = Setting(
    "alerts",
    "heartbeat",
    "Address that is requested (GET) after each good load without `--filter`, so that a monitor "
    "notices when none comes: https, except on this machine. Keep it in `secrets.toml` like the "
    "webhook.",
)
VIEWS_SLA_RULES = Setting(
    "views",
    "sla_rules",
    "CSV file of your own response deadlines, used instead of `sql/seeds/sla_rules.csv` and with "
    "the same columns.",
)
VIEWS_FX_RATES = Setting(
    "views",
    "fx_rates",
    "CSV file of your own exchange rates, with the columns CurrencyCode, USDPerUnit and Month "
    "(YYYYMM); where Partner Center has a rate for the same month, yours is used.",
)
VIEWS_FUNNEL = Setting(
    "views",
    "funnel",
    "What the funnel counts: `referrals` or `engagements`; by default whichever has rows, "
    "referrals first.",
)
SETTINGS = (
    PIPELINE_DESTINATION,
    PIPELINE_MATERIALISE,
    PIPELINE_WAREHOUSE,
    PUBLISH_DIR,
    ALERTS_WEBHOOK,
    ALERTS_HEARTBEAT,
    VIEWS_SLA_RULES,
    VIEWS_FX_RATES,
    VIEWS_FUNNEL,
)


def check_configuration() -> None:
    """Raise UsageError for files that cannot be read, and for keys of ours that nobody knows.

    Those of the source are checked by the commands that use it.
    """
    known: dict[str, set[str]] = {}
    for setting in SETTINGS:
        known.setdefault(setting.section, set()).add(setting.name)
    check_names(read_files(), os.environ, known)


def locate_warehouse(option: Path | None) -> Path:
    """Check the configuration; the warehouse file that the command line or it names."""
    check_configuration()
    return name_warehouse(option)


def name_warehouse(option: Path | None) -> Path:
    """As `locate_warehouse`, but whatever else is wrong in the configuration."""
    warehouse = option if option is not None else PIPELINE_WAREHOUSE.read_path()
    warehouse = warehouse or Path(DEFAULT_WAREHOUSE)
    if not warehouse.name:
        raise UsageError(
            f"The warehouse path '{warehouse}' names no file. Give one: --warehouse FILE"
        )
    return warehouse


def read_destination() -> str:
    """Where the warehouse is, `duckdb` or `postgres`; raises UsageError for anything else."""
    destination = PIPELINE_DESTINATION.read() or DESTINATIONS[0]
    if destination not in DESTINATIONS:
        raise UsageError(
            f"[pipeline] destination is '{destination}', but a warehouse can only be in "
            f"{' or '.join(DESTINATIONS)}. Nothing was loaded; correct the setting."
        )
    return destination
