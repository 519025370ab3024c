"""A warehouse on a PostgreSQL server: loaded like one on DuckDB, killed, refused."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import psycopg2
import pytest

from partner_center_sandbox.tokens import TokenUser
from partner_referrals.errors import TryAgainLater, UsageError, WarehouseFailed
from partner_referrals.load.postgres import load_into_postgres
from partner_referrals.warehouse.views import view_definitions
from support.documents import ROOT, SUPPORT
from support.engines import running_postgres
from support.loads import Notes, make_warehouse
from support.records import NOW, referral

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

RECORDS = [
    *(referral(f"r{number:02}") for number in range(20)),
    # What a file on the way has to keep apart: nothing, null, quotes, lines, other scripts.
    referral(
        "odd", customerMarket="", customerName='a "quoted", \\ name;\r\nin two lines\tO\'Neil'
    ),
    referral("far", customerName="Łódź 株式会社 😀", createdDate=None, wonDate="2026-03-01"),
    referral("unreadable", wonDate="soon"),
]
TABLES = {
    "referrals": "id, status, customer_market, customer_name, created_date, won_date, "
    "last_activity_date, is_listed, content_hash, valid_from, valid_to",
    "referral_rejects": "record, reason, rejected_at",
    "referral_totals": "counted_at, status, created_month, referral_count",
    "load_runs": "mode, succeeded, rows_new, rows_changed, rows_vanished, reconciled, error",
}


@pytest.fixture(scope="module")
def server():
    with running_postgres() as address:
        yield address


@pytest.fixture
def database(server, request, monkeypatch):
    """A new database, configured as the destination; its address."""
    name = f"w{abs(hash(request.node.name))}"
    run(f"{server}/postgres", f"create database {name}")
    address = f"{server.replace('@', ':unused@')}/{name}"
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)
    monkeypatch.setenv("PIPELINE__DESTINATION", "postgres")
    return address


def run(address, sql):
    """One statement outside any transaction; its rows, if it has any."""
    connection = psycopg2.connect(address)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def load(place, now=NOW):
    """A load into the configured server."""
    return load_into_postgres(place / "referrals.duckdb", clock=lambda: now).runs[0]


def assert_right(address, source):
    """Every referral once as the source shows it, history unbroken, the run recorded."""
    assert sorted((each["id"], each["status"]) for each in source.records()) == sorted(
        run(
            address,
            "select id, status from partner_center.referrals where valid_to is null and is_listed",
        )
    )
    assert [] == run(
        address,
        "select id from (select id, valid_to, lead(valid_from) over (partition by id "
        "order by valid_from) as next_from from partner_center.referrals) as versions "
        "where valid_to is distinct from next_from",
    )
    assert [(True, True)] == run(
        address,
        "select succeeded, reconciled from partner_center.load_runs "
        "order by started_at desc limit 1",
    )
    assert run(address, "select count(distinct id) from partner_center.referrals") == run(
        address, "select referral_count from marts.freshness"
    )


@pytest.mark.parametrize("table", TABLES)
def test_table_is_as_in_duckdb(tmp_path, database, serve, table):
    """The same listing leaves the same rows on PostgreSQL as in a DuckDB file."""
    path = make_warehouse(tmp_path / "file.duckdb", RECORDS)
    serve(*RECORDS)
    load(tmp_path)
    with duckdb.connect(path, read_only=True) as connection:
        expected = connection.execute(
            f"select {TABLES[table]} from partner_center.{table}"
        ).fetchall()

    assert sorted(map(repr, expected)) == sorted(
        map(repr, run(database, f"select {TABLES[table]} from partner_center.{table}"))
    )


def test_later_load_keeps_the_history(tmp_path, database, serve):
    """A change ends a version and begins the next; what left the listing is marked."""
    source = serve(*(referral(f"r{number}") for number in range(9)))
    load(tmp_path)
    source.put(referral("r1", status="Won", wonDate="2026-03-30T00:00:00"))
    source.delete("r2")
    source.put(referral("new"))
    made = load(tmp_path, NOW.replace(hour=13))

    assert (1, 1, 1) == (made.rows_new, made.rows_changed, made.rows_vanished)
    assert_right(database, source)
    assert [(12, 2)] == run(
        database, "select count(*), count(valid_to) from partner_center.referrals"
    )


@pytest.mark.timeout(0)
def test_load_killed_half_way_is_right_after_one_re_run(tmp_path, database, serve):
    """SIGKILL before calls all over a load, the last ones too; one plain re-run makes it good."""

    def load_apart(kill_at, hours):
        return subprocess.run(
            [sys.executable, SUPPORT / "killed_postgres_load.py", tmp_path,
             str(kill_at), str(hours)],
            capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip

    source = serve(*(referral(f"r{number:03}") for number in range(100)))
    assert 0 == load_apart(0, 1).returncode
    # Counted in a load like those to be killed, which find the mirror of the one before.
    source.put(referral("new0", createdDate="2026-03-30T00:00:00"))
    whole = load_apart(0, 2)
    assert 0 == whole.returncode, whole.stderr
    calls = int(whole.stdout)
    for step, kill_at in enumerate([calls // 40, calls // 3, calls - 3, calls - 1], start=1):
        source.put(referral(f"new{step}", createdDate="2026-03-30T00:00:00"))
        source.put(referral(f"r{step:03}", status="Won", wonDate="2026-03-30T00:00:00"))
        assert -9 == load_apart(kill_at, 24 * step).returncode
        ended = load_apart(0, 24 * step + 1)
        assert 0 == ended.returncode, ended.stderr
        assert_right(database, source)


def test_mirror_serves_the_next_load(tmp_path, database, serve, monkeypatch):
    """A load finds the tables in the mirror that the one before has left, and copies none."""
    source = serve(*(referral(f"r{number}") for number in range(9)))
    load(tmp_path)
    monkeypatch.setattr("partner_referrals.load.postgres._fill", None)
    source.put(referral("r1", status="Won", wonDate="2026-03-30T00:00:00"))
    made = load(tmp_path, NOW.replace(hour=13))

    assert (0, 1) == (made.rows_new, made.rows_changed)
    assert_right(database, source)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda mirror: mirror.write_bytes(b"torn" * 999)])
def test_mirror_that_cannot_be_read_is_made_anew(tmp_path, database, serve, spoil):
    """What stays on this machine is worth nothing but time."""
    source = serve(*(referral(f"r{number}") for number in range(9)))
    load(tmp_path)
    spoil(tmp_path / "referrals.duckdb.postgres")
    source.put(referral("r1", status="Won", wonDate="2026-03-30T00:00:00"))

    assert 1 == load(tmp_path, NOW.replace(hour=13)).rows_changed
    assert_right(database, source)


def test_server_that_is_down_costs_no_mirror(tmp_path, database, serve, monkeypatch):
    """A night without the server is no reason to copy all tables anew in the next one."""
    serve(referral("r1"))
    load(tmp_path)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://a:b@127.0.0.1:1/w")

    with pytest.raises(WarehouseFailed):
        load(tmp_path, NOW.replace(hour=13))

    assert (tmp_path / "referrals.duckdb.postgres").exists()


def test_restored_server_is_loaded_right(tmp_path, database, server, serve, monkeypatch):
    """A server that went back to a backup gets what it has lost, whatever the mirror knows."""
    source = serve(*(referral(f"r{number}") for number in range(9)))
    load(tmp_path)
    backup = f"{database}_backup"
    run(
        f"{server}/postgres",
        f"create database {backup.rpartition('/')[2]} template {database.rpartition('/')[2]}",
    )
    source.put(referral("r1", status="Won", wonDate="2026-03-30T00:00:00"))
    source.put(referral("new"))
    load(tmp_path, NOW.replace(hour=13))
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", backup)
    made = load(tmp_path, NOW.replace(hour=14))

    assert (1, 1) == (made.rows_new, made.rows_changed)
    assert_right(backup, source)


def test_load_from_another_machine_is_not_overwritten(tmp_path, database, serve):
    """Who finds that another load came between gives up; the other's stays."""
    source = serve(*(referral(f"r{number}") for number in range(9)))
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()

    class LoadsThere(Notes):
        def page(self, rows, total):
            """The other load runs while this one lists."""
            load(tmp_path / "there")

    with pytest.raises(TryAgainLater, match="Another load has written"):
        load_into_postgres(
            tmp_path / "here" / "referrals.duckdb", clock=lambda: NOW, progress=LoadsThere()
        )

    assert [(1,)] == run(database, "select count(*) from partner_center.load_runs")
    assert_right(database, source)
    load(tmp_path / "here", NOW.replace(hour=13))
    assert_right(database, source)


@pytest.mark.parametrize("has_mirror", [True, False])
def test_server_belongs_to_one_account(tmp_path, database, serve, monkeypatch, has_mirror):
    """Another account is refused also from a machine that never loaded there."""
    source = serve(referral("r1"))
    load(tmp_path)
    source.behaviour.token_user = TokenUser(tenant_id="another-tenant")
    source.revoke_access_tokens()
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__CREDENTIALS__ACCESS_TOKEN", source.access_token)
    place = tmp_path if has_mirror else tmp_path / "elsewhere"
    place.mkdir(exist_ok=True)

    (error,) = load_into_postgres(
        place / "referrals.duckdb", clock=lambda: NOW.replace(hour=13)
    ).errors

    assert isinstance(error, UsageError)
    assert "another-tenant signs in" in str(error)
    assert [(1,)] == run(database, "select count(*) from partner_center.referrals")


def test_doctor_looks_at_the_server(database, partner_center, referrals, warehouse):
    """The last step of the doctor is the configured server, before and after the first load."""
    assert "postgres answers, and will be filled by the first load" in referrals("doctor")[1]
    referrals("load")
    assert "postgres holds 300 referrals" in referrals("doctor")[1]
    warehouse.touch()
    assert "there is a warehouse" in referrals("doctor", "--warehouse", warehouse)[1]


def test_age_is_asked_of_the_server(database, tmp_path, partner_center):
    """The documented statement tells a recent load from an old one."""
    (shown,) = re.findall(r'-Atc "(.*?)"', (ROOT / "docs" / "scaling.md").read_text())
    for age, is_recent in ((timedelta(hours=30), False), (timedelta(0), True)):
        load(tmp_path, datetime.now(UTC).replace(tzinfo=None) - age)

        assert [(is_recent,)] == run(database, shown)


def test_views_are_refreshed_there(database, tmp_path, partner_center, referrals):
    """`referrals views` makes the views of the configured server anew."""
    load(tmp_path)
    run(database, "drop view marts.freshness")

    assert (0, f"{len(view_definitions())} views refreshed in postgres.\n") == referrals("views")[
        :2
    ]
    assert [(300,)] == run(database, "select referral_count from marts.freshness")


def test_marts_are_materialised_where_asked(database, serve, referrals, monkeypatch):
    """Each load makes them anew; without the setting they are views again."""
    source, found = serve(referral("first")), []
    for number, flag in enumerate(["false", "true", "true", "false"]):
        monkeypatch.setenv("PIPELINE__MATERIALISE", flag)
        source.put(referral(f"r{number}"))
        assert 0 == referrals("load")[0]
        kept, counted, explained = run(
            database,
            "select count(*), (select count(*) from marts.referrals), "
            "obj_description('marts.referrals'::regclass) is not null "
            "from pg_matviews where schemaname = 'marts'",
        )[0]
        assert explained
        found.append((kept, counted))

    marts = sum(each.schema == "marts" for each in view_definitions())
    assert [(0, 2), (marts, 3), (marts, 4), (0, 5)] == found


def test_command_runs_a_load_there(database, partner_center, referrals):
    """The command line and two settings are all that it takes."""
    assert 0 == referrals("load")[0]
    assert_right(database, partner_center)


@pytest.mark.parametrize("command", ["query", "report", "publish", "status"])
def test_command_for_a_file_says_so(database, referrals, command):
    """What only a DuckDB file can do ends with exit 2, not with old figures."""
    arguments = {"query": ["select 1"], "publish": ["there"]}.get(command, [])
    code, _, err = referrals(command, *arguments)

    assert 2 == code
    assert f"'{command}' reads a DuckDB file, but [pipeline] destination is postgres." in err


def test_warehouse_file_is_not_left_behind(tmp_path, database, partner_center, referrals):
    """A DuckDB warehouse that stands where it would grow old is refused."""
    (tmp_path / "referrals.duckdb").touch()
    code, _, err = referrals("load")

    assert 2 == code
    assert "would grow old" in err


def test_unknown_destination_is_told(database, partner_center, referrals, monkeypatch):
    """A misspelt destination ends with exit 2."""
    monkeypatch.setenv("PIPELINE__DESTINATION", "postgress")
    code, _, err = referrals("load")

    assert 2 == code
    assert "[pipeline] destination is 'postgress'" in err


def test_server_that_is_down_is_told(database, partner_center, referrals, monkeypatch):
    """A server that does not answer ends with exit 1."""
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://a:b@127.0.0.1:1/w")
    code, _, err = referrals("load")

    assert 1 == code
    assert "The destination postgres failed" in err
    assert "Traceback" not in err


def test_wrong_credentials_are_told(database, server, partner_center, referrals, monkeypatch):
    """A user whom the server does not know ends with exit 2."""
    monkeypatch.setenv(
        "DESTINATION__POSTGRES__CREDENTIALS",
        f"{server.replace('referrals@', 'nobody:b@')}/postgres",
    )
    code, _, err = referrals("load")

    assert 2 == code
    assert "refuses us" in err


def test_text_that_the_server_cannot_hold_is_marked(tmp_path, database, serve):
    """PostgreSQL holds no NUL; one such text does not keep the others out, today or later."""
    source = serve(referral("r1"), referral("r2", customerName="a\0b"))
    load(tmp_path)

    query = "select customer_name from partner_center.referrals where id = 'r2'"
    assert [("a\N{REPLACEMENT CHARACTER}b",)] == run(database, query)
    (tmp_path / "referrals.duckdb.postgres").unlink()
    assert 0 == load(tmp_path, NOW.replace(hour=13)).rows_changed
    assert_right(database, source)


def test_missing_rights_are_told(database, server, partner_center, referrals, monkeypatch):
    """A user who may not write there ends with exit 2, and nothing is changed."""
    run(database, "create role reader login")
    monkeypatch.setenv(
        "DESTINATION__POSTGRES__CREDENTIALS", database.replace("referrals:", "reader:")
    )
    code, _, err = referrals("load")

    assert 2 == code
    assert "ermission denied" in err
    assert [] == run(
        database, "select 1 from information_schema.tables where table_schema = 'partner_center'"
    )


def test_views_that_are_as_they_should_be_stay(database, serve, referrals, monkeypatch):
    """What others build, index and grant on them outlives the nights, also where these are kept."""
    source = serve(referral("first"))
    for flag in ("false", "true"):
        monkeypatch.setenv("PIPELINE__MATERIALISE", flag)
        assert 0 == referrals("load")[0]
        run(database, f"create view public.own_{flag} as select * from marts.referrals")
        source.put(referral(f"r-{flag}"))

        assert 0 == referrals("load")[0]
        expected = run(database, "select count(*) from partner_center.referrals")
        assert expected == run(database, f"select count(*) from public.own_{flag}")

        if flag == "false":
            run(database, "drop view public.own_false")


def test_view_of_somebody_else_costs_no_rows(database, serve, referrals, monkeypatch):
    """Where it keeps a view from being replaced, the load is kept, and it is named."""
    source = serve(referral("first"))
    assert 0 == referrals("load")[0]
    run(database, "create view public.own as select * from marts.referrals")
    source.put(referral("second"))
    monkeypatch.setenv("VIEWS__FUNNEL", "referrals")

    code, _, told = referrals("load")

    assert 1 == code
    assert "What was loaded is kept in postgres, but its views are those of before." in told
    assert "view own depends on view marts.referrals" in told
    assert "state before this run" not in told
    assert [(2,)] == run(database, "select count(*) from public.own")
    run(database, "drop view public.own")
    assert 0 == referrals("load")[0]


def test_password_may_be_left_out(database, partner_center, referrals, monkeypatch):
    """Where the server asks for none, as here, or finds it by itself."""
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", database.replace(":unused@", "@"))

    assert 0 == referrals("load")[0]
    assert_right(database, partner_center)


def test_views_that_may_not_be_made_cost_no_rows(database, serve, referrals, monkeypatch):
    """The rows are kept, and the refusal is told."""
    name = database.rpartition("/")[2]
    run(database, f"create role loader login; grant create, temporary on database {name} to loader")
    own = re.sub("//.*?@", "//loader@", database)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", own)
    source = serve(referral("first"))
    assert 0 == referrals("load")[0]
    run(database, "alter schema marts owner to current_user; delete from settings.made_views")
    source.put(referral("second"))

    code, _, told = referrals("load")

    assert 2 == code
    assert "What was loaded is kept in postgres" in told
    assert [(2,)] == run(database, "select count(*) from partner_center.referrals")


def test_settings_are_put_back(database, serve, referrals):
    """What a view of the settings was replaced by does not outlive a load."""
    serve(referral("first"))
    assert 0 == referrals("load")[0]
    before = run(database, "select * from settings.sla_rules order by 1, 2")
    run(
        database,
        "create or replace view settings.sla_rules as "
        "select 'x'::text as rule, null::timestamp as applies_from, null::timestamp as applies_to, "
        "1 as limit_hours",
    )

    assert 0 == referrals("load")[0]
    assert before == run(database, "select * from settings.sla_rules order by 1, 2")


def test_mirror_may_be_a_link(database, serve, referrals, tmp_path):
    """On another disk, say."""
    serve(referral("first"))
    assert 0 == referrals("load")[0]
    (tmp_path / "elsewhere").mkdir()
    mirror = tmp_path / "referrals.duckdb.postgres"
    mirror.rename(tmp_path / "elsewhere" / "mirror")
    mirror.symlink_to(tmp_path / "elsewhere" / "mirror")

    assert 0 == referrals("load")[0]
    assert mirror.is_symlink()
    assert mirror.exists()
