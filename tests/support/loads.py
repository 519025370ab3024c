"""Runs loads: in this process, or in another one that is killed on the way."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from partner_center.settings import PartnerCenterCredentials, PartnerCenterSettings
from partner_center_sandbox import Sandbox
from partner_referrals.load import LoadOptions, load, load_resources
from support.records import NOW


@dataclass
class Notes:
    """A progress that keeps what it is told."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    pages: list[tuple[int, int | None]] = field(default_factory=list)

    def page(self, rows: int, total: int | None) -> None:
        self.pages.append((rows, total))

    def step(self, verb: str, subject: str, outcome: str, seconds: float) -> None:
        self.steps.append((verb, outcome))

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


class KilledLoads:
    """Loads in processes of their own, killed where the test says; see killed_loads.py."""

    def __init__(self) -> None:
        driver = Path(__file__).with_name("killed_loads.py")
        self._process = subprocess.Popen(
            [sys.executable, str(driver)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )

    def load(self, warehouse: Path, kill_at: int | str = 0, hours: float = 0, **rest: Any) -> Any:
        """One load, killed at its `kill_at`-th point or SQL (0: never); how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        environment = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("SOURCES__", "RUNTIME__"))
        }
        order = {"warehouse": str(warehouse), "kill_at": kill_at, "hours": hours} | rest
        self._process.stdin.write(json.dumps(order | {"environment": environment}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def load_twice(self, warehouse: Path, hours: float) -> list[Any]:
        """Two loads at the same time, in processes of their own; how they ended."""
        other = KilledLoads()
        with ThreadPoolExecutor() as both:
            ended = list(both.map(lambda it: it.load(warehouse, 0, hours), [self, other]))
        other.close()
        return ended

    def close(self) -> None:
        self._process.communicate()


def make_warehouse(path: Path, records: list[Any]) -> Path:
    """The warehouse at `path` after one load of these records."""
    with Sandbox(records, now=NOW) as sandbox:
        load_from(sandbox, path)
    return path


def load_from(sandbox: Sandbox, path: Path, now: datetime = NOW) -> None:
    """Load what a stand-in holds now into the warehouse at `path`."""
    settings = PartnerCenterSettings(
        base_url=sandbox.base_url,
        credentials=PartnerCenterCredentials(access_token=sandbox.access_token),
    )
    settings.complete()
    load(path, settings=settings, clock=lambda: now)


def load_everything(
    sandbox: Sandbox,
    path: Path,
    now: datetime = NOW,
    resources: Sequence[str] = ("referrals", "engagements", "search"),
) -> None:
    """Load all three resources of a stand-in, or these, into the warehouse at `path`."""
    settings = PartnerCenterSettings(
        base_url=sandbox.base_url,
        engagements_base_url=sandbox.base_url,
        resources=list(resources),
        credentials=PartnerCenterCredentials(
            access_token=sandbox.access_token,
            engagements_access_token=sandbox.engagements_access_token,
        ),
    )
    settings.complete()
    load_resources(path, LoadOptions(), settings=settings, clock=lambda: now)


def build_warehouse(path: Path, sandbox: Sandbox, now: datetime = NOW) -> Path:
    """The warehouse at `path` after one load of what a stand-in holds."""
    load_from(sandbox, path, now)
    return path
