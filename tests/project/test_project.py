"""The project keeps its own rules: layers, SQL that parses, locks, and no traces of a machine."""

import csv
import re
import runpy
import subprocess
import tomllib
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
import sqlglot
from packaging.requirements import Requirement
from sqlglot import exp

from partner_referrals.warehouse.tables import TABLES
from partner_referrals.warehouse.views import explained_views, view_definitions

ROOT = Path(__file__).parents[2]
SQL_FILES = sorted((ROOT / "sql").rglob("*.sql"))
LOCKS = [ROOT / "requirements.lock", ROOT / "requirements-dev.lock"]

# Put together from parts, so that this file does not name them itself.
INDEX_HOSTS = re.compile("py" + r"pi\.(?:org|python)|python" + r"hosted\.org|py" + r"pi-", re.I)
MACHINE_PATHS = re.compile(r"(?<![\w.:/*\\])/(?:home|root|Users|work|opt|tmp)/\w|[A-Z]:\\Users\\")

LOCK_LINE = re.compile(
    r"""[a-z0-9-]+==[\w.+!]+(?:\ ;\ [^:@/]+)?\ \\   # an exact version, and where it applies
    |   \ {4}--hash=sha256:[0-9a-f]{64}(?:\ \\)?     # one of its files
    |   \ {4}\#(?!.*(?::/|\ /|@)).*                  # who asked for it: no address, no path""",
    re.VERBOSE,
)


def _tracked_text() -> Iterator[tuple[str, str]]:
    """Name and text of every file that git tracks."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            yield name, (ROOT / name).read_text("utf-8", errors="replace")


def _matching_lines(pattern: re.Pattern[str]) -> list[str]:
    """Where in the tracked files a pattern occurs."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in _tracked_text()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_sql_file_is_one_select(path):
    """Every SQL file holds exactly one query that parses as DuckDB's."""
    (statement,) = sqlglot.parse(path.read_text("utf-8"), read="duckdb")

    assert isinstance(statement, exp.Query)


def test_no_view_explains_what_passes_through():
    """A column that only passes through is explained where it comes from."""
    said = {f"partner_center.{table.name}": table.column_meanings for table in TABLES}
    said |= {view.qualified_name: view.columns for view in explained_views()}
    repeated = [
        (view.path, column)
        for view in view_definitions()
        for column, meaning in view.columns.items()
        if {meaning}
        == {said[name][column] for name in view.dependencies if column in said.get(name, {})}
    ]

    assert [] == repeated


def test_tracked_files_name_no_package_index():
    """Whoever installs chooses the package index; no file names one."""
    assert [] == _matching_lines(INDEX_HOSTS)


def test_tracked_files_name_no_machine():
    """No file names a folder of the machine that it was written on."""
    assert [] == _matching_lines(MACHINE_PATHS)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_holds_pins_and_hashes_only(lock):
    """A lock names no index, address or path: exact versions, hashes and reasons are all it has."""
    _, command, *lines = lock.read_text("utf-8").splitlines()

    assert "#    make lock" == command
    assert [] == [line for line in lines if not LOCK_LINE.fullmatch(line)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_pins_hashes_of_every_package(lock):
    """Every package in a lock carries at least one hash."""
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text("utf-8"), flags=re.MULTILINE)[1:]

    assert [] == [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]


def test_run_time_lock_has_every_dependency():
    """`make lock` was run after the last change of the dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["setup"]
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", LOCKS[0].read_text("utf-8"), re.MULTILINE))

    assert [] == [
        wish
        for wish in wanted
        if not Requirement(wish).specifier.contains(pins.get(Requirement(wish).name, "0"))
    ]


def test_locks_agree():
    """What is tested is what users run: both locks pin the same version of a shared package."""
    run, dev = (
        set(re.findall(r"^[a-z0-9-]+==[^\s;]+", lock.read_text("utf-8"), re.MULTILINE))
        for lock in LOCKS
    )

    assert set() == run - dev


def test_run_time_lock_has_no_pandas():
    """dlt imports pandas where it finds it, which costs every run; users do not get it."""
    assert "\npandas==" not in LOCKS[0].read_text("utf-8")


def test_every_test_that_the_readme_names_exists():
    """The table of what a run survives names tests that are there."""
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (ROOT / "tests/README.md").read_text())

    assert len(named) > 50
    assert [] == [
        f"{file}::{test}"
        for file, test in named
        if f"def {test}(" not in "".join(path.read_text() for path in (ROOT / "tests").rglob(file))
    ]


def test_power_bi_project_is_up_to_date():
    """`make docs` was run after the last change of a mart that the project reads."""
    folder = ROOT / "docs/power-bi"
    made = runpy.run_path(str(ROOT / "docs/scripts/power_bi.py"))
    files = (path for path in folder.rglob("*") if path.is_file())

    written = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}
    assert written == made["files"]()
    model = "".join(text for path, text in written.items() if path.endswith(".tmdl"))
    columns = set(re.findall(r"^table (\w+)$|^\tcolumn (\w+)$", model, re.MULTILINE))
    names = {name for pair in columns for name in pair}
    for measure in made["MEASURES"]:
        for table, column in re.findall(r"(\w+)\[(\w+)\]", measure.dax):
            assert {table, column} <= names, measure.name


def test_definitions_name_each_rule():
    """Rules of data quality with their severities as in the SQL, response rules as shipped."""
    sql = "".join(
        path.read_text("utf-8") for path in (ROOT / "sql/intermediate").glob("*_issues.sql")
    )
    rules = re.findall(r"\('(\w+)', '(error|warning|info)'\)", sql)
    rules += re.findall(r"'(\w+)' as rule,\s+'(\w+)' as severity", sql)
    with (ROOT / "sql/seeds/sla_rules.csv").open(newline="") as file:
        limits = [(row["rule"], row["limit_hours"]) for row in csv.DictReader(file)]
    page = (ROOT / "docs/definitions.md").read_text("utf-8")

    assert sorted(rules) == sorted(re.findall(r"^\| `(\w+)` \| (\w+) \| \w", page, re.MULTILINE))
    assert limits == re.findall(r"^\| `(\w+)` \| .* \| (\d+) \|$", page, re.MULTILINE)


def test_data_dictionary_is_up_to_date():
    """`make docs` was run after the last change of a view, a table or what is said of them."""
    made = runpy.run_path(str(ROOT / "docs/scripts/data_dictionary.py"))["data_dictionary"]()
    written = (ROOT / "docs/data-dictionary.md").read_text("utf-8").splitlines()

    assert [] == list(unified_diff(written, made.splitlines(), n=0))
