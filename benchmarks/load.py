"""How long a load takes and how much memory, as multiples of what DuckDB alone takes.

    python benchmarks/load.py [--rows N] [--runs N] [--rest-api] [--delay SECONDS] [--postgres]

Makes N referrals (one million unless told otherwise), serves them on loopback, and runs each work
below in a process of its own, the floor beside it each time. Prints medians. `--rest-api` adds
dlt's own REST source, once. `--delay` lets the server take so long for each page, and loads with
one request at a time and with four instead. `--postgres` loads into a PostgreSQL that is started
for it instead, once; it needs the environment of the tests, and PYTHONPATH=tests.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from page_server import PageServer, serving
from pages import World, make_worlds

HERE = Path(__file__).parent
GOALS = {"first": 2.0, "again": 1.75, "incremental": 0.9, "quiet": 0.5}
# As on a machine of a user, where the second run finds what the first has compiled.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
} | {"PYTHONPATH": str(HERE.parent / "pipelines")}
MEGABYTE = 1 if sys.platform == "darwin" else 1024


@dataclass
class Work:
    """One kind of work, and what each of its runs took."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def run(self, *command: object, environment: dict[str, str] | None = None) -> bytes:
        """Run a process to its end, note what it took, and return what it prints."""
        started = time.perf_counter()
        with tempfile.TemporaryFile() as messages:
            process = subprocess.Popen(
                [sys.executable, *map(str, command)],
                env={**ENVIRONMENT, **(environment or {})},
                stdout=subprocess.PIPE,
                stderr=messages,
            )
            assert process.stdout is not None
            printed = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                messages.seek(0)
                raise SystemExit(f"{command} failed: {messages.read().decode()}")
        self.seconds.append(time.perf_counter() - started)
        self.cpu_seconds.append(usage.ru_utime + usage.ru_stime)
        self.megabytes.append(usage.ru_maxrss / MEGABYTE)
        return printed

    def row(self, name: str, floor: "Work") -> str:
        """The medians as one line; ratios are taken run by run."""
        ratio = statistics.median(
            mine / its for mine, its in zip(self.seconds, floor.seconds, strict=False)
        )
        cpu = statistics.median(
            mine / its for mine, its in zip(self.cpu_seconds, floor.cpu_seconds, strict=False)
        )
        return (
            f"{name:<22}{statistics.median(self.seconds):>9.2f}{ratio:>9.2f}"
            f"{GOALS.get(name, ''):>7}{cpu:>9.2f}{max(self.megabytes):>8.0f}"
        )


def load(
    server: PageServer, work: Work, warehouse: Path, *options: str, requests: int = 4, **more: str
) -> None:
    """One `referrals load`, as a scheduler starts it; it has to agree with the server.

    `more` goes into its environment.
    """
    prefix = "SOURCES__PARTNER_CENTER__"
    printed = work.run(
        *("-m", "partner_referrals.cli", "load", "--json", "--warehouse", warehouse, *options),
        environment={
            f"{prefix}BASE_URL": server.url,
            f"{prefix}CREDENTIALS__ACCESS_TOKEN": "any",
            f"{prefix}PARALLEL_REQUESTS": str(requests),
            **more,
        },
    )
    run = json.loads(printed)
    if not run["reconciled"] or run["warehouse_total"] != server.world.total:
        raise SystemExit(f"The load went wrong: {run}")


def measure(directory: Path, worlds: tuple[World, World, World], runs: int) -> dict[str, Work]:
    """Every kind of work, `runs` times, in turn."""
    first_day, next_day, known = worlds
    works = {name: Work() for name in ("floor", *GOALS)}
    with serving(first_day) as server:
        for number in range(runs):
            place = directory / f"run-{number}"
            place.mkdir()
            first, again, later = (place / f"{name}.duckdb" for name in ("first", "again", "later"))
            server.world = first_day
            works["floor"].run(
                HERE / "floor.py", server.url, first_day.total, place / "floor.duckdb"
            )
            load(server, works["first"], first)
            shutil.copy(first, again)
            shutil.copy(first, later)
            server.world = next_day
            load(server, works["again"], again, "--full")
            load(server, works["incremental"], later)
            server.world = known
            load(server, works["quiet"], later)
            shutil.rmtree(place)
    return works


def measure_delay(directory: Path, world: World, seconds: float) -> None:
    """One request at a time against four, where each page takes its time."""
    with serving(world, seconds) as server:
        for requests in (1, 4):
            work = Work()
            load(server, work, directory / f"slow-{requests}.duckdb", requests=requests)
            print(f"{requests} at once, {seconds:g} s a page: {work.seconds[0]:.2f} s")


def measure_postgres(directory: Path, worlds: tuple[World, World, World]) -> dict[str, Work]:
    """The loads that a DuckDB file gets, into PostgreSQL."""
    from support.engines import running_postgres

    first_day, next_day, known = worlds
    warehouse = directory / "there.duckdb"
    works = {name: Work() for name in ("first", "incremental", "quiet", "quiet, no mirror")}
    with running_postgres() as address, serving(first_day) as server:
        place = {
            "PIPELINE__DESTINATION": "postgres",
            "DESTINATION__POSTGRES__CREDENTIALS": f"{address.replace('@', ':any@')}/postgres",
        }
        load(server, works["first"], warehouse, **place)
        server.world = next_day
        load(server, works["incremental"], warehouse, **place)
        server.world = known
        load(server, works["quiet"], warehouse, **place)
        warehouse.with_name(f"{warehouse.name}.postgres").unlink()
        load(server, works["quiet, no mirror"], warehouse, **place)
    return works


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rest-api", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--postgres", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        # The same change whatever the size of the table, so that sizes can be compared.
        # Made in another process, because a child's peak of memory counts from its parent's size.
        with ProcessPoolExecutor(1, get_context("spawn")) as maker:
            worlds = maker.submit(make_worlds, directory, asked.rows, 10_000, 5_000).result()
        if asked.delay:
            measure_delay(directory, worlds[0], asked.delay)
            return
        if asked.postgres:
            for name, work in measure_postgres(directory, worlds).items():
                print(f"{name:<22}{work.seconds[0]:>9.2f} s{work.megabytes[0]:>9.0f} MB")
            return
        works = measure(directory, worlds, asked.runs)
        if asked.rest_api:
            works["dlt's REST source"] = Work()
            with serving(worlds[0]) as server:
                works["dlt's REST source"].run(
                    HERE / "rest_api_load.py", server.url, directory / "rest_api.duckdb"
                )
    versions = ", ".join(f"{name} {version(name)}" for name in ("dlt", "duckdb", "pyarrow"))
    print(f"{asked.rows:,} referrals, {asked.runs} runs, {os.cpu_count()} processors")
    print(f"Python {platform.python_version()}, {versions}")
    print(f"{'work':<22}{'seconds':>9}{'x floor':>9}{'goal':>7}{'x cpu':>9}{'MB':>8}")
    for name, work in works.items():
        print(work.row(name, works["floor"]))


if __name__ == "__main__":
    main()
