"""What BI tools read is whole at every moment, shows one load, and holds no more than it needs."""

import functools
import hashlib
import io
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from partner_center_sandbox import Sandbox
from partner_referrals.errors import Locked, ReferralsError, UsageError
from partner_referrals.publish import publish as publishing
from partner_referrals.publish.publish import publish
from partner_referrals.warehouse.lock import lock_file
from support.documents import SUPPORT
from support.environments import make_environment, run
from support.loads import make_warehouse
from support.records import NOW, referral

# Seconds each: too long for every change.
pytestmark = pytest.mark.slow

DRIVER = SUPPORT / "killed_publishes.py"
MARTS = sorted(path.stem for path in (Path(__file__).parents[2] / "sql" / "marts").glob("*.sql"))
FILES = {
    "referrals.duckdb",
    "manifest.json",
    "partner_center",
    *(f"{mart}.parquet" for mart in MARTS),
}
TABLES = (
    "referrals",
    "referral_rejects",
    "load_runs",
    "engagements",
    "engagement_tags",
    "fx_rates",
    "search_days",
)

# Stands in the warehouse and must not get out of it.
CANARY = "canary-in-a-rejected-record"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A warehouse after one load of sixty referrals, of which one cannot be read."""
    with Sandbox(count=60, now=NOW) as made_up:
        records = [*made_up.records(), referral("odd", wonDate=CANARY)]
    return make_warehouse(tmp_path_factory.mktemp("template") / "referrals.duckdb", records)


@pytest.fixture
def warehouse(template, tmp_path):
    """A copy of the template, to change at will."""
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(template.read_bytes())
    return path


@pytest.fixture
def target(tmp_path):
    """A directory to publish to."""
    path = tmp_path / "published"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def published(template, tmp_path_factory):
    """What the template's publish put in place; not to be changed."""
    path = tmp_path_factory.mktemp("published")
    publish(template, path)
    return path


def read(path, sql):
    """All rows of a query on a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def visible(directory):
    return {path.name for path in directory.iterdir() if not path.name.startswith(".")}


def files_in(directory):
    """Every file's content by its path from the directory on."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def change(warehouse, run_id):
    """What a load does to the warehouse, marked in every referral and in load_runs."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("begin")
        connection.execute("update partner_center.referrals set customer_name = $1", [run_id])
        connection.execute(
            "insert into partner_center.load_runs by name "
            "select $1 as run_id, $2 as finished_at, 'full' as mode, 'referrals' as resource, "
            "true as succeeded",
            [run_id, NOW + timedelta(minutes=int(run_id))],
        )
        connection.execute("commit")


# What is there


def test_publish_puts_every_file_in_place(published):
    """The DuckDB copy, a Parquet file per mart, the base tables, the manifest, nothing else."""
    assert FILES == visible(published)


@pytest.mark.parametrize("mart", MARTS)
def test_copy_and_parquet_answer_like_the_warehouse(template, published, mart):
    """Each mart has the same rows in the warehouse, in the copy and in its Parquet file."""
    expected = read(template, f"from marts.{mart} order by all")

    assert expected == read(published / "referrals.duckdb", f"from marts.{mart} order by all")
    assert expected == read(template, f"from '{published / mart}.parquet' order by all")


@pytest.mark.parametrize("table", TABLES)
def test_base_table_is_published_as_the_copy_has_it(published, table):
    """Spark, or whoever makes the views elsewhere, finds what they read: no more than the copy."""
    path = published / "partner_center" / table
    files = f"'{path}.parquet'" if path.with_suffix(".parquet").exists() else f"'{path}/*/*'"

    assert read(
        published / "referrals.duckdb", f"from partner_center.{table} order by all"
    ) == read(
        published / "referrals.duckdb",
        f"from read_parquet({files}, hive_partitioning = false) order by all",
    )


def test_referrals_lie_by_created_month(published):
    """Each version is in the folder of its month, in the way that Hive and Spark name folders."""
    assert [] == read(
        published / "referrals.duckdb",
        "select created_month, created_date "
        f"from read_parquet('{published}/partner_center/referrals/*/*', hive_partitioning = true) "
        "where created_month is distinct from strftime(created_date, '%Y-%m')",
    )


def test_month_that_is_gone_is_removed(warehouse, target):
    """Where a created date is corrected, no reader of the whole folder meets the old one too."""
    publish(warehouse, target)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update partner_center.referrals set created_date = null")
    publish(warehouse, target)

    assert ["created_month=__HIVE_DEFAULT_PARTITION__"] == [
        path.parent.name for path in (target / "partner_center" / "referrals").rglob("*.parquet")
    ]


def test_no_referrals_still_have_columns(warehouse, target):
    """A warehouse without a referral publishes a file that tells the columns."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("delete from partner_center.referrals")
    publish(warehouse, target)

    assert [] == read(
        target / "referrals.duckdb",
        f"select id, won_date from read_parquet('{target}/partner_center/referrals/*/*')",
    )


def test_copy_keeps_the_comments(template, published):
    """Every view and every column of a view is explained in the copy as in the warehouse."""
    comments = (
        "select schema_name, view_name, '', comment from duckdb_views() where not internal "
        "union all "
        "select schema_name, table_name, column_name, comment from duckdb_columns() "
        "where schema_name in ('staging', 'intermediate', 'marts') order by all"
    )
    expected = read(template, comments)

    assert {True} == {bool(comment) for *_, comment in expected}
    assert expected == read(published / "referrals.duckdb", comments)


def test_copy_answers_as_of_another_moment(published):
    """The session variables of the warehouse's views work in the copy."""
    with duckdb.connect(str(published / "referrals.duckdb"), read_only=True) as connection:
        connection.execute("set variable as_of = timestamp '1999-01-01'")

        assert [(0,)] == connection.execute("select count(*) from marts.referrals").fetchall()


def test_copy_is_in_the_oldest_storage_version(published):
    """The copy is written for DuckDB 1.0 and later, which the warehouse itself is not."""
    version = "select tags['storage_version'] from duckdb_databases() where not internal"

    ((told,),) = read(published / "referrals.duckdb", version)

    assert told.startswith("v1.0")


def test_copy_cannot_be_opened_for_writing(published):
    """Who opens it for writing shuts out all others, so the file does not permit it."""
    assert 0o444 == (published / "referrals.duckdb").stat().st_mode & 0o777


def test_manifest_describes_every_file(template, published):
    """The load, its moment, and of each file the hash and the rows."""
    manifest = json.loads((published / "manifest.json").read_text())
    ((run_id, as_of),) = read(
        template, "select run_id, finished_at from partner_center.load_runs where succeeded"
    )

    assert (run_id, as_of.isoformat()) == (manifest["load_run_id"], manifest["as_of"])
    assert files_in(published).keys() - {"manifest.json", ".publishing.lock"} == set(
        manifest["files"]
    )
    for name, told in manifest["files"].items():
        content = (published / name).read_bytes()
        rows = pq.read_metadata(published / name).num_rows if name.endswith("t") else 60
        assert {"sha256": hashlib.sha256(content).hexdigest(), "rows": rows} == told, name


# What is not there


def test_rejected_records_stay_in_the_warehouse(template, published):
    """No published file holds a rejected record; how many there are is still told."""
    assert CANARY.encode() in template.read_bytes()

    assert [] == [
        name for name, content in files_in(published).items() if CANARY.encode() in content
    ]
    assert [(1,)] == read(
        published / "referrals.duckdb", "select rejected_count from marts.freshness"
    )


def test_copy_holds_only_what_its_views_need(warehouse, target):
    """Neither dlt's tables, nor the server's counts, nor what a user keeps in the warehouse."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create table referred (id integer primary key);"
            "create table referring (id integer references referred (id));"
            "create schema mine; create table mine.targets as select 1 as target;"
            'create view "my view" as from mine.targets; create macro mine.plus(x) as x + 1;'
            "create table gone (id integer); create view broken as from gone; drop table gone"
        )

    publish(warehouse, target)

    assert [
        ("partner_center", "engagement_tags"),
        ("partner_center", "engagements"),
        ("partner_center", "fx_rates"),
        ("partner_center", "load_runs"),
        ("partner_center", "referral_rejects"),
        ("partner_center", "referrals"),
        ("partner_center", "search_days"),
        ("settings", "funnel"),
        ("settings", "fx_rates"),
        ("settings", "sla_rules"),
    ] == read(
        target / "referrals.duckdb",
        "select schema_name, table_name from duckdb_tables() order by all",
    )
    assert [
        ("intermediate",),
        ("marts",),
        ("partner_center",),
        ("settings",),
        ("staging",),
    ] == read(
        target / "referrals.duckdb",
        "select schema_name from duckdb_schemas() where not internal order by all",
    )
    assert [(0,)] == read(
        target / "referrals.duckdb",
        "select count(*) from duckdb_views() where not internal and schema_name = 'main'",
    )


def test_why_a_load_failed_stays_in_the_warehouse(warehouse, target):
    """Messages of failed loads are for who runs them."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update partner_center.load_runs set error = $1", [CANARY])

    publish(warehouse, target)

    assert [(None,)] == read(
        target / "referrals.duckdb", "select error from partner_center.load_runs"
    )


# Replacing


def test_reader_keeps_what_it_opened(warehouse, target):
    """A connection that was open during a publish keeps the old copy; the next gets the new."""
    publish(warehouse, target)
    change(warehouse, "1")
    newest = "select max(run_id) from partner_center.load_runs where length(run_id) < 9"
    with duckdb.connect(str(target / "referrals.duckdb"), read_only=True) as reader:
        publish(warehouse, target)

        assert [(None,)] == reader.execute(newest).fetchall()

    assert [("1",)] == read(target / "referrals.duckdb", newest)


def test_stale_wal_is_removed(warehouse, target):
    """A write-ahead log of the old copy would be applied to the new one."""
    (target / "referrals.duckdb.wal").write_bytes(b"of the old copy")

    publish(warehouse, target)

    assert visible(target) == FILES


def test_leftovers_of_a_killed_publish_are_removed(warehouse, target):
    """What a killed publish left in its workplace does not stay, and does not disturb."""
    (target / ".publishing").mkdir()
    (target / ".publishing" / "referrals.duckdb").write_bytes(b"half of a copy")

    publish(warehouse, target)

    assert [".publishing.lock"] == [path.name for path in target.glob(".*")]


def test_other_files_are_left_alone(warehouse, target):
    """The directory may hold more than what is published."""
    (target / "budget.xlsx").write_bytes(b"ours")

    publish(warehouse, target)

    assert b"ours" == (target / "budget.xlsx").read_bytes()


# What can go wrong


def test_another_warehouse_is_not_replaced(warehouse, target):
    """A warehouse that lies where the copy would go stays; a copy without a manifest does not."""
    other = target / "referrals.duckdb"
    shutil.copy(warehouse, other)
    before = other.read_bytes()

    with pytest.raises(UsageError, match="no copy that 'referrals publish' made"):
        publish(warehouse, target)

    assert before == other.read_bytes()
    other.unlink()
    publish(warehouse, target)
    (target / "manifest.json").unlink()
    publish(warehouse, target)
    assert (target / "manifest.json").exists()


@pytest.mark.parametrize("name", ["mount/elsewhere", "x" * 300])
def test_missing_directory_is_refused(warehouse, tmp_path, name):
    """A directory whose parent is not there, say not mounted, is not created."""
    with pytest.raises(UsageError, match=rf"{name} cannot be created to publish to"):
        publish(warehouse, tmp_path / name)


def test_unwritable_directory_is_refused(warehouse, target):
    """Where nothing can be written, the system's reason is told."""
    # A directory in its place makes the lock fail for root as well.
    (target / ".publishing.lock").mkdir()

    with pytest.raises(UsageError, match="cannot be written: Is a directory"):
        publish(warehouse, target)


def test_missing_warehouse_is_refused(tmp_path, target):
    """Without a warehouse nothing is published."""
    with pytest.raises(UsageError, match="There is no warehouse"):
        publish(tmp_path / "none.duckdb", target)

    assert set() == visible(target)


def test_warehouse_without_a_finished_load_is_refused(warehouse, target):
    """A load that failed published nothing, and neither does `publish`."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update partner_center.load_runs set succeeded = false")

    with pytest.raises(UsageError, match="no finished load yet"):
        publish(warehouse, target)


def test_empty_warehouse_is_refused(tmp_path, target):
    """A DuckDB file that no load has touched holds nothing to publish."""
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()

    with pytest.raises(UsageError, match="no finished load yet"):
        publish(tmp_path / "empty.duckdb", target)


def test_second_publish_waits_its_while(warehouse, target, monkeypatch):
    """One publish to a directory at a time; the other is told to try again."""
    wait_shortly = functools.partial(lock_file, wait_seconds=0.05)
    monkeypatch.setattr(publishing, "lock_file", wait_shortly)

    with publishing._staging_directory(target), pytest.raises(Locked, match="Another publish"):
        publish(warehouse, target)


@pytest.mark.parametrize("limit", [0, 150_000])
def test_full_disk_leaves_the_old_files(warehouse, target, limit):
    """Where a file cannot be written to its end, the published ones stay as they were."""
    publish(warehouse, target)
    before = files_in(target)
    script = (
        "import resource, sys; from pathlib import Path; import duckdb;"
        "from partner_referrals.errors import ReferralsError;"
        "from partner_referrals.publish.publish import publish\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "try: publish(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except ReferralsError as error: print(error)"
    )

    told = run(Path(sys.executable), script, warehouse, target)

    assert "File too large" in told
    assert "What was published before is untouched." in told
    assert before == files_in(target)


def test_file_that_windows_holds_is_told(warehouse, target, monkeypatch):
    """Where a file cannot be replaced, the sentence says what that means and what to do."""
    replace = Path.replace

    def refuse(self, place):
        if place.name == "trends.parquet":
            raise PermissionError(13, "Access is denied", str(self), None, str(place))
        return replace(self, place)

    monkeypatch.setattr(Path, "replace", refuse)

    with pytest.raises(ReferralsError, match=r"trends.parquet could not be replaced: Access is"):
        publish(warehouse, target)


# The soak


class Publishes:
    """Publishes in processes of their own, killed where the test says."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def publish(self, warehouse, target, kill_at=0):
        """One publish, killed at its `kill_at`-th point (0: never); how it ended."""
        order = {"warehouse": str(warehouse), "target": str(target), "kill_at": kill_at}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        self._process.communicate()


class Reader(threading.Thread):
    """Looks again and again until told to stop; keeps what it saw and what went wrong."""

    def __init__(self, look: Callable[[], object]):
        super().__init__()
        self._look = look
        self._stopped = threading.Event()
        self.seen = []
        self.errors = []

    def run(self):
        while not self._stopped.is_set():
            try:
                self.seen.append(self._look())
            except Exception as error:
                self.errors.append(repr(error))
            time.sleep(0.005)

    def stop(self):
        self._stopped.set()
        self.join()


def look_at_copy(target):
    """The loads that the copy shows: one, if it mixes none."""
    return read(
        target / "referrals.duckdb",
        "select distinct customer_name, newest.run_id, newest.finished_at = last_load_at "
        "from marts.referrals, marts.freshness, ("
        "    from partner_center.load_runs order by finished_at desc limit 1) as newest",
    )


def look_at_parquet(target):
    """The load of the Parquet files, or None where the manifest says that they do not fit.

    Raises AssertionError where it says that they do, and they do not; each must be whole anyway.
    """
    manifest = json.loads((target / "manifest.json").read_text())
    contents = {name: (target / name).read_bytes() for name in manifest["files"]}
    tables = {
        name: pq.read_table(io.BytesIO(content))
        for name, content in contents.items()
        if name.endswith(".parquet")
    }
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != manifest["files"][name]["sha256"]:
            return None
    names = set(tables["referrals.parquet"]["customer_name"].to_pylist())
    (last_load_at,) = tables["freshness.parquet"]["last_load_at"].to_pylist()
    assert names == {manifest["load_run_id"]}
    assert last_load_at.isoformat() == manifest["as_of"]
    return manifest["load_run_id"]


def soak(warehouse, target, publish_count, kill_count):
    """Publish load after load, some killed, while two readers look; how often each saw what."""
    driver = Publishes()
    change(warehouse, "1")
    driver.publish(warehouse, target)
    # The first one makes directories, which the later ones find there.
    points = driver.publish(warehouse, target)["points"]
    kills = [1 + number * (points - 1) // (kill_count - 1) for number in range(kill_count)]
    readers = [Reader(lambda: look_at_copy(target)), Reader(lambda: look_at_parquet(target))]
    outcomes = []
    try:
        for reader in readers:
            reader.start()
        for number in range(2, publish_count + 2):
            change(warehouse, str(number))
            # Spread over the publishes as over the points of one.
            is_killed = number * kill_count % publish_count < kill_count
            kill_at = kills.pop(0) if is_killed and kills else 0
            ended = driver.publish(warehouse, target, kill_at)
            assert (-9 if kill_at else 0) == ended["code"]
            if kill_at:
                outcomes.append(look_at_parquet(target))
    finally:
        for reader in readers:
            reader.stop()
        driver.close()
    return readers, outcomes


def assert_sound(readers, outcomes):
    """No error, no mixture, and kills that left both a whole old state and a mixed one."""
    copies, parquet = readers
    assert [] == copies.errors + parquet.errors
    assert {1} == {len(loads) for loads in copies.seen}
    assert {(True, True)} == {(name == run_id, fits) for ((name, run_id, fits),) in copies.seen}
    assert len({name for ((name, *_),) in copies.seen}) > 1
    assert None in outcomes
    assert len(set(outcomes)) > 1


def test_readers_see_whole_loads_only(warehouse, target):
    """Two readers poll while five publishes run, of which four are killed on their way."""
    readers, outcomes = soak(warehouse, target, 5, 4)

    assert_sound(readers, outcomes)


@pytest.mark.sweep
@pytest.mark.timeout(0)
def test_readers_see_whole_loads_only_for_long(warehouse, target):
    """The same with 150 publishes, of which 50 are killed, at points all over a publish."""
    readers, outcomes = soak(warehouse, target, 150, 50)

    assert_sound(readers, outcomes)
    assert 50 == len(outcomes)
    print([len(reader.seen) for reader in readers], f"{outcomes.count(None)} of 50 kills mixed")


# Other versions of DuckDB

COMPARE = """
import json, sys, duckdb
folder = sys.argv[1]
differing = {}
with duckdb.connect(f"{folder}/referrals.duckdb", read_only=True) as copy:
    for mart, comment in copy.execute(
        "select view_name, comment from duckdb_views() where schema_name = 'marts'"
    ).fetchall():
        if mart.startswith("forecast") and duckdb.__version__.startswith("1.1."):
            continue  # never ends planning them: docs/bi.md
        # The last digit of a sum depends on its order.
        columns = ", ".join(
            f'round("{name}", 9)' if kind == "DOUBLE" else f'"{name}"'
            for name, kind, *_ in copy.execute(f"describe marts.{mart}").fetchall()
        )
        ours, theirs = f"select {columns} from marts.{mart}", (
            f"select {columns} from '{folder}/{mart}.parquet'")
        ((count,),) = copy.execute(
            f"select count(*) from (({ours} except all {theirs}) union all "
            f"({theirs} except all {ours}))").fetchall()
        differing[mart] = count if comment else "no comment"
print(json.dumps([duckdb.__version__, differing]))
"""


@pytest.mark.sweep
@pytest.mark.parametrize("version", ["duckdb==1.1.3", "duckdb~=1.4.0", "duckdb"])
def test_copy_opens_in_older_and_newer_duckdb(published, tmp_path, version):
    """BI tools carry all sorts of DuckDB: each opens the copy and answers like the Parquet."""
    python = make_environment(tmp_path / "environment", version)

    told, differing = json.loads(run(python, COMPARE, published))

    expected = dict.fromkeys(MARTS, 0)
    if told.startswith("1.1."):
        expected = {mart: 0 for mart in MARTS if not mart.startswith("forecast")}
    assert expected == differing, told
