"""What the tests share: a stand-in for Partner Center, a warehouse, and ways to use them."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from partner_center_sandbox import Sandbox
from support.loads import KilledLoads, Notes
from support.records import NOW

# As the command line sets it, before anything imports dlt.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--short` is how continuous integration runs the sweeps."""
    parser.addoption("--short", action="store_true", help="try a part of each sweep")


@pytest.fixture
def is_short(request: pytest.FixtureRequest) -> bool:
    """Whether a sweep should try a part of its cases only."""
    return bool(request.config.getoption("--short"))


@pytest.fixture(scope="session")
def killed_loads() -> Iterator[KilledLoads]:
    """Loads in forked processes; the importing is done once for all tests."""
    driver = KilledLoads()
    yield driver
    driver.close()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but the test's own; retries that do not dawdle."""
    for name in os.environ:
        if name.startswith(("SOURCES__", "PIPELINE__", "VIEWS__", "PUBLISH__", "ALERTS__")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches beyond this machine, whatever it gets wrong."""
    look_up = socket.getaddrinfo

    def refuse(host: Any, *rest: Any, **options: Any) -> Any:
        if host not in ("localhost", "127.0.0.1", "::1", None):
            raise socket.gaierror(f"{host} is beyond this machine")
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sandbox], Sandbox]:
    """Points the configuration at a stand-in, with the two variables that are enough."""

    def set_variables(sandbox: Sandbox) -> Sandbox:
        prefix = "SOURCES__PARTNER_CENTER__"
        monkeypatch.setenv(f"{prefix}BASE_URL", sandbox.base_url)
        monkeypatch.setenv(f"{prefix}CREDENTIALS__ACCESS_TOKEN", sandbox.access_token)
        return sandbox

    return set_variables


@pytest.fixture
def partner_center(configure: Callable[[Sandbox], Sandbox]) -> Iterator[Sandbox]:
    """A stand-in with 300 made-up referrals, configured as the source."""
    with Sandbox(count=300, now=NOW) as sandbox:
        yield configure(sandbox)


@pytest.fixture
def serve(configure: Callable[[Sandbox], Sandbox]) -> Iterator[Callable[..., Sandbox]]:
    """Starts a stand-in with just these records, configured as the source."""
    running: list[Sandbox] = []

    def start(*records: Any) -> Sandbox:
        sandbox = Sandbox(list(records), now=NOW)
        running.append(sandbox.__enter__())
        return configure(sandbox)

    yield start
    for sandbox in running:
        sandbox.__exit__(None, None, None)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where the test's warehouse will be."""
    return tmp_path / "referrals.duckdb"


@pytest.fixture
def notes() -> Notes:
    """What the runs of this test tell."""
    return Notes()


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with its own tables and all views, and nothing in it."""
    from partner_referrals.warehouse.connection import open_warehouse
    from partner_referrals.warehouse.views import make_tables_and_views

    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    with open_warehouse(path) as connection:
        make_tables_and_views(connection)
    return path


@pytest.fixture
def load(warehouse: Path, notes: Notes, empty_warehouse: Path) -> Callable[..., Any]:
    """Runs a load from the configured source into the test's warehouse.

    The views are there from the start, which spares each test making them; what makes them is
    tested where the command line loads.
    """
    from partner_referrals.load import LoadOptions
    from partner_referrals.load import load as run_load

    def run(now: datetime = NOW, **options: Any) -> Any:
        if not warehouse.exists():
            shutil.copy(empty_warehouse, warehouse)
        return run_load(warehouse, LoadOptions(**options), clock=lambda: now, progress=notes)

    return run


@pytest.fixture
def ask(warehouse: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Asks the test's warehouse in SQL."""

    def answer(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(sql, parameters or None).fetchall()

    return answer


@pytest.fixture
def referrals(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    warehouse: Path,
    empty_warehouse: Path,
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process; returns exit code, stdout and stderr.

    Without the times that the lines on stderr begin with. As with `load`, the views are there
    before the first load; a warehouse of another name is made from nothing.
    """
    from partner_referrals.cli import main

    def run(*arguments: Any) -> tuple[int, str, str]:
        is_here = warehouse.parent.samefile(Path.cwd())
        is_file = "PIPELINE__DESTINATION" not in os.environ
        if arguments[:1] == ("load",) and is_here and is_file and not warehouse.exists():
            shutil.copy(empty_warehouse, warehouse)
        monkeypatch.setattr(sys, "argv", ["referrals", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        output = capsys.readouterr()
        return code, output.out, re.sub(r"^\d{4}-[\dT:-]+Z ", "", output.err, flags=re.MULTILINE)

    return run
