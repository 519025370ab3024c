"""What befalls a load from outside: signals, a full disk, a second run, a changed warehouse."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from partner_referrals.errors import WarehouseFailed
from support.crash import assert_right, change
from support.loads import KilledLoads
from support.records import referral

# Dozens of processes: too long for every day.
pytestmark = [pytest.mark.sweep, pytest.mark.timeout(0)]


@pytest.fixture
def source(serve):
    """Thirty referrals, of which one cannot be read."""
    return serve(*(referral(f"r{n:02}") for n in range(29)), referral("odd", wonDate="soon"))


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("point", [3, 30, 60])
def test_signal_ends_a_load_cleanly(killed_loads, source, warehouse, signal, point):
    """Ctrl-C and a scheduler's stop, in each phase: not 0, nothing left over, re-run is right."""
    killed_loads.load(warehouse)
    change(source)

    ended = killed_loads.load(warehouse, kill_at=point, hours=1, signal=signal)

    assert ended["code"] not in (0, None)
    assert not warehouse.with_name("referrals.duckdb.work").exists()
    assert 0 == killed_loads.load(warehouse, hours=2)["code"]
    assert_right(warehouse, source)


@pytest.mark.parametrize("file_bytes", [1_000, 1_000_000, 3_000_000])
def test_full_disk_is_told_and_made_good(killed_loads, source, warehouse, file_bytes):
    """No file may grow: the load says so, and with space again one re-run is right."""
    for number in range(20_000):
        source.put(referral(f"many{number:05}", customerName=f"Customer {number}" * 5))

    ended = killed_loads.load(warehouse, file_bytes=file_bytes)

    assert 1 == ended["code"]
    assert "again" in ended["said"]
    assert 0 == killed_loads.load(warehouse, hours=1)["code"]
    assert_right(warehouse, source)


def test_two_loads_at_once_take_turns(killed_loads, source, warehouse):
    """The second waits for the first, and both end right."""
    other = KilledLoads()
    with ThreadPoolExecutor() as both:
        ended = list(both.map(lambda loads: loads.load(warehouse)["code"], [killed_loads, other]))
    other.close()

    assert [0, 0] == ended
    assert_right(warehouse, source)


def test_restored_backup_catches_up(killed_loads, source, warehouse, tmp_path):
    """A warehouse put back from an older copy is brought up to date by the next load."""
    killed_loads.load(warehouse)
    shutil.copy(warehouse, tmp_path / "backup")
    change(source)
    killed_loads.load(warehouse, hours=1)
    shutil.copy(tmp_path / "backup", warehouse)

    killed_loads.load(warehouse, hours=2)

    assert_right(warehouse, source)


def test_truncated_wal_is_made_good(killed_loads, source, warehouse):
    """What a torn write-ahead log loses, the next load fetches again."""
    killed_loads.load(warehouse)
    change(source)
    # By then all is committed; the checkpoint would empty the log.
    killed_loads.load(warehouse, kill_at="checkpoint", hours=1)
    wal = warehouse.with_name(f"{warehouse.name}.wal")
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size // 2)

    assert 0 == killed_loads.load(warehouse, hours=2)["code"]
    assert_right(warehouse, source)


@pytest.mark.parametrize(
    "table",
    [
        "referrals",
        "referral_rejects",
        "referral_totals",
        "load_runs",
        "_dlt_version",
        "_dlt_loads",
    ],
)
def test_table_dropped_by_hand_comes_back(killed_loads, source, warehouse, table):
    """Whichever it is, the next load makes it anew and is right."""
    killed_loads.load(warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"drop table partner_center.{table}")
    change(source)

    assert 0 == killed_loads.load(warehouse, hours=1)["code"]
    assert_right(warehouse, source)


def test_foreign_column_stops_the_views(serve, load, warehouse, ask):
    """A table that no longer is what a load writes is told, not built upon."""
    serve(referral("a"))
    load()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("alter table partner_center.referrals add column __v_status varchar")

    with pytest.raises(WarehouseFailed, match="__v_status"):
        load(full=True)

    assert [(True,), (False,)] == ask("select succeeded from partner_center.load_runs")


def test_ten_kills_in_a_row_leave_no_litter(killed_loads, source, warehouse):
    """What a killed run leaves, the next takes away; and it asks the source anew."""
    killed_loads.load(warehouse)
    litter = []
    for point in range(5, 55, 5):
        change(source)
        killed_loads.load(warehouse, kill_at=point, hours=point)
        litter.append(sum(1 for _ in warehouse.parent.rglob("*")))
    asked = len(source.requests)

    assert 0 == killed_loads.load(warehouse, hours=60)["code"]

    assert asked < len(source.requests)
    assert max(litter) < 60
    assert_right(warehouse, source)
