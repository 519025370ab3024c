"""The command line: what a user types, sees, and gets as exit code."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from datetime import datetime

import duckdb
import pyarrow.parquet as pq
import pytest
from starlette.responses import JSONResponse

from support.records import referral

COMMAND = [sys.executable, "-m", "partner_referrals.cli"]


@pytest.fixture(scope="module")
def loaded_once(tmp_path_factory):
    """Where the first test that needs a loaded warehouse leaves it for the others."""
    return tmp_path_factory.mktemp("loaded") / "referrals.duckdb"


@pytest.fixture
def loaded(serve, referrals, warehouse, loaded_once):
    """A warehouse with two referrals, one of them oddly named; returns the command line."""
    serve(
        referral("a", customerName='=HYPERLINK("http://x")'),
        referral("b", customerName="-1+1", status="Won", wonDate="2026-03-02T08:00:00"),
    )
    if not loaded_once.exists():
        assert 0 == referrals("load", "--warehouse", loaded_once)[0]
    shutil.copy(loaded_once, warehouse)
    return lambda command, *rest: referrals(command, "--warehouse", warehouse, *rest)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["launch"], 2, "No such command"),
        (["load", "--nope"], 2, "No such option"),
        (["load", "--full", "--filter", "status eq 'Won'"], 2, "Give one of them"),
        (["load", "--filter", " "], 2, "--filter is empty"),
        (["load", "--filter", "\udce9"], 2, "not UTF-8"),
        (["demo", "--warehouse", "."], 2, "is a directory"),
        (["demo", "--warehouse", ""], 2, "is a directory"),
        (["load"], 2, "Nothing says who signs in"),
        (["login"], 2, "Nothing says who signs in"),
        (["query", "select 1"], 2, "There is no warehouse"),
        (["status"], 2, "There is no warehouse"),
        (["report"], 2, "There is no warehouse"),
        (["views"], 2, "There is no warehouse"),
        (["backup", "copy.duckdb"], 2, "There is no warehouse"),
        (["publish", "bi"], 2, "There is no warehouse"),
        (["views", "--warehouse", "nowhere/x.duckdb"], 2, "There is no directory"),
        (["query", "--file", "nowhere.sql"], 2, "nowhere.sql cannot be read: No such file"),
        (["query", "--format", "xml", "select 1"], 2, "'--format': 'xml' is not one of 'table'"),
        (["query", "--limit", "few", "select 1"], 2, "'--limit': 'few' should be a valid integer"),
        (["sandbox", "--records", "nowhere.jsonl"], 2, "nowhere.jsonl"),
        (["sandbox", "--engagements", "missing.jsonl"], 2, "missing.jsonl"),
    ],
)
def test_bad_usage_is_one_sentence(referrals, warehouse, arguments, code, said):
    """What cannot work is told in a sentence, with the contract's exit code; nothing is made."""
    found, out, told = referrals(*arguments)

    assert (code, "") == (found, out)
    assert said in told
    assert "Traceback" not in told
    # A load's is there from the start, by the fixture.
    assert [] == [path for path in warehouse.parent.iterdir() if path != warehouse]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CLOUD", "moon", "There is no cloud 'moon'"),
        ("PAGE_SIZE", "10000", "must lie between 1 and 9999"),
        ("PAGE_SIZE", "many", "page_size is 'many', but must be a whole number."),
        ("RESOURCES", "deals", "resources is 'deals', but must be a list, such as"),
        ("BASE_URL", "http://partner.example", "no https address"),
        ("BASE_URL", "http://[::1", "no https address"),
        ("BASE_URL", "http://localhost:abc", "no https address"),
        ("BASE_URL", "https://par tner.example", "no https address"),
        ("BASE_URL", "http://me:canary@localhost:1", "holds a user name"),
        ("ENGAGEMENTS_BASE_URL", "https://partner.example/?key=canary", "or a query"),
        ("CREDENTIALS__AUTHORITY", "https://canary@login.example", "holds a user name"),
    ],
)
def test_wrong_configuration_is_named(monkeypatch, serve, referrals, name, value, said):
    """A setting that cannot work is named, with what to write instead; a secret is not shown."""
    serve(referral("a"))
    monkeypatch.setenv(f"SOURCES__PARTNER_CENTER__{name}", value)

    code, _, told = referrals("load")

    assert 2 == code
    assert said in told
    assert "canary" not in told


def test_refused_token_asks_for_sign_in(serve, referrals):
    """Exit code 3, and what to do."""
    serve(referral("a")).revoke_access_tokens()

    code, _, told = referrals("load")

    assert 3 == code
    assert "access_token" in told


@pytest.mark.parametrize("command", ["load", "query", "status", "views", "demo"])
def test_directory_is_no_warehouse(serve, referrals, tmp_path, command):
    """The message names a path that would do."""
    serve(referral("a"))
    arguments = ["select 1"] if command == "query" else []

    code, _, told = referrals(command, *arguments, "--warehouse", tmp_path)

    assert 2 == code
    assert "is a directory" in told


def test_other_file_is_no_warehouse(serve, referrals, tmp_path):
    """A file that DuckDB did not write is left as it is."""
    serve(referral("a"))
    file = tmp_path / "notes.txt"
    file.write_text("dear diary" * 1_000)

    code, _, told = referrals("load", "--warehouse", file)

    assert 2 == code
    assert told.startswith(f"referrals: {file} is no DuckDB file")
    assert "dear diary" * 1_000 == file.read_text()


@pytest.mark.parametrize("table", ["referrals(id integer, name text)", "fx_rates(month date)",
                                   "load_runs(number integer)"])  # fmt: skip
def test_database_of_another_program_is_no_warehouse(serve, referrals, tmp_path, table):
    """Tables of our names with other columns are told before anything is asked or written."""
    sandbox = serve(referral("a"))
    file = tmp_path / "other.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute(f"create schema partner_center; create table partner_center.{table}")
    before = file.read_bytes()

    _, out, _ = referrals("doctor", "--warehouse", file)
    asked = len(sandbox.requests)
    code, _, told = referrals("load", "--warehouse", file)
    codes = [
        referrals(*command, "--warehouse", file)[0]
        for command in (["status"], ["report"], ["backup", "b"], ["publish", "bi"])
    ]

    said = f"The columns of partner_center.{table.partition('(')[0]} are not those that a load"
    assert said in out
    assert (1, asked) == (code, len(sandbox.requests))
    assert told.startswith(f"referrals: {said}")
    assert {2} == set(codes)
    assert 0 == referrals("query", "select 1", "--known-at", "2026-01-01", "--warehouse", file)[0]
    assert before == file.read_bytes()


def test_load_tells_its_steps_on_stderr(serve, referrals):
    """One aligned line a step; stdout stays free for results."""
    serve(referral("a"))

    code, out, told = referrals("load")

    assert (0, "") == (code, out)
    assert ["list", "load", "reconcile", "views"] == [line.split()[0] for line in told.splitlines()]


def test_load_as_json_is_the_runs_row(serve, referrals, ask):
    """One JSON object, as in load_runs."""
    serve(referral("a"))

    code, out, _ = referrals("load", "--json")

    run = json.loads(out)
    assert (0, "full", 1, True) == (code, run["mode"], run["rows_new"], run["reconciled"])
    assert [(run["run_id"],)] == ask("select run_id from partner_center.load_runs")


def test_load_that_does_not_reconcile_exits_4(serve, referrals):
    """The data is loaded, and the scheduler is told to look."""
    sandbox = serve(referral("a"))
    sandbox.behaviour.total_offset = 1
    sandbox.behaviour.refuses_groupby = True

    assert 4 == referrals("load")[0]


def test_throttled_load_exits_75(serve, referrals):
    """Try again later."""
    serve(referral("a")).behaviour.on_request = lambda _: JSONResponse(
        {}, 429, {"Retry-After": "3600"}
    )

    assert 75 == referrals("load")[0]


def test_held_warehouse_names_its_holder(serve, referrals, warehouse, monkeypatch):
    """Another process that keeps the file open is waited for, then named; exit code 75."""
    monkeypatch.setattr("partner_referrals.warehouse.connection._RETRY_SECONDS", 0.05)
    monkeypatch.setattr("partner_referrals.warehouse.connection.LOCK_WAIT_SECONDS", 0.1)
    serve(referral("a"))
    referrals("load")
    hold = f"import duckdb; held = duckdb.connect({str(warehouse)!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()

        code, _, told = referrals("load")
        found, examined, _ = referrals("doctor")

        holder.communicate(b"\n")
    assert (75, 75) == (code, found)
    assert f"PID {holder.pid}" in told
    assert "still was" not in examined
    assert "Next: do what is said at 'warehouse' above." in examined


def test_query_shows_a_table(loaded):
    """The default is for people."""
    code, out, _ = loaded("query", "select referral_id, outcome from marts.referrals order by 1")

    assert 0 == code
    assert ["referral_id", "outcome", "a", "b", "won"] == [
        word for word in out.split() if not word.startswith("─")
    ]


def test_query_as_csv_is_inert(loaded):
    """No cell is taken for a formula by a spreadsheet, and numbers stay numbers."""
    _, out, _ = loaded(
        "query",
        "select customer_name, -1 as number from marts.referrals order by referral_id",
        "--format",
        "csv",
    )

    assert [
        ["customer_name", "number"],
        ['\'=HYPERLINK("http://x")', "-1"],
        ["'-1+1", "-1"],
    ] == list(csv.reader(io.StringIO(out)))


def test_query_as_json(loaded):
    """A list of objects, moments in ISO form."""
    _, out, _ = loaded(
        "query", "select referral_id, won_at from marts.referrals order by 1", "--format", "json"
    )

    assert [
        {"referral_id": "a", "won_at": None},
        {"referral_id": "b", "won_at": "2026-03-02T08:00:00"},
    ] == json.loads(out)


def test_query_as_parquet(loaded, warehouse, tmp_path):
    """Bytes on stdout, typed as in the warehouse."""
    answer = subprocess.run(
        [*COMMAND, "query", "select max(won_at) as won_at from marts.referrals",
         "--warehouse", str(warehouse), "--format", "parquet"],
        capture_output=True,
        check=True,
    )  # fmt: skip

    table = pq.read_table(io.BytesIO(answer.stdout))

    assert [{"won_at": datetime(2026, 3, 2, 8)}] == table.to_pylist()


@pytest.mark.parametrize(
    "sql",
    [
        "drop table partner_center.referrals",
        "insert into partner_center.load_runs (run_id) values ('x')",
        "create temp table t as select 1",
        "select 1; select 2",
        "",
        "selec 1",
        "from nowhere",
        "from read_text('secrets.toml')",
        "from 'secrets.csv'",
        "copy (select 1) to 'out.csv'",
        "attach 'other.duckdb'",
        "install httpfs",
        "load httpfs",
        "set threads = 1",
        "set enable_external_access = true",
        "pragma force_checkpoint",
        "pragma enable_profiling",
        "update extensions",
        "import database 'x'",
        "select getenv('HOME')",
        "from connection",
        "export database 'x'",
        "checkpoint",
        "explain analyze copy (select 1) to 'out.csv'",
    ],
)
def test_query_is_a_cage(loaded, tmp_path, sql):
    """What is wrong, or does more than read the warehouse, is refused with exit code 2."""
    (tmp_path / "secrets.toml").write_text("secret")
    (tmp_path / "secrets.csv").write_text("secret\n1")
    before = {path.name for path in tmp_path.iterdir()}

    code, out, told = loaded("query", sql)

    assert (2, "") == (code, out)
    assert told.startswith("referrals: ")
    assert before == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "sql",
    [
        "pivot marts.outcomes on outcome using sum(referral_count)",
        "from (pivot marts.outcomes on outcome using sum(referral_count) group by segment)",
        "explain pivot marts.outcomes on outcome using sum(referral_count)",
        "unpivot marts.win_rates on won_count, lost_count",
        "pragma table_info('marts.referrals')",
        "summarize marts.referrals",
        "show all tables",
        "describe marts.referrals",
    ],
)
def test_what_only_reads_is_answered(loaded, sql):
    """Whatever the statement is called."""
    code, out, told = loaded("query", sql)

    assert (0, "") == (code, told)
    assert len(out.splitlines()) > 2


def test_query_as_of_another_moment(loaded):
    """The marts answer for the moment asked."""
    sql = "select outcome from marts.referrals where referral_id = 'b'"

    assert "won" in loaded("query", sql, "--as-of", "2026-03-03")[1]
    assert "won" not in loaded("query", sql, "--as-of", "2026-03-02")[1]


@pytest.mark.slow
@pytest.mark.parametrize("command", [["report"], ["query", "from marts.freshness"]])
@pytest.mark.parametrize(("moment", "is_ahead"), [("2026-03-03", False), ("2030-01-01", True)])
def test_moment_after_the_newest_load_is_said(loaded, command, moment, is_ahead):
    """It is answered like any other, and one sentence says that nobody can know it."""
    code, out, told = loaded(*command, "--as-of", moment)

    assert 0 == code
    assert out
    assert is_ahead == ("--as-of lies after the newest load, which ended at 2026-" in told)
    assert is_ahead == bool(told)


@pytest.mark.parametrize("option", ["--as-of", "--known-at"])
def test_moment_that_is_none_is_refused(loaded, option):
    """A moment is written as in the message."""
    code, _, told = loaded("query", "select 1", option, "yesterday")

    assert 2 == code
    assert "Write 2026-01-31" in told


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ([], 0),
        (["--max-age", "2d"], 0),
        (["--max-age", "0m"], 1),
        (["--max-issues", "1000"], 0),
        (["--max-issues", "-1"], 1),
        (["--max-age", "soon"], 2),
        (["--max-age", "²h"], 2),
        (["--max-age", "9999999999999d"], 2),
        (["--max-age", "999999999d"], 0),
    ],
)
def test_status_exits_by_its_limits(loaded, option, code):
    """A monitor needs no more than the exit code."""
    assert code == loaded("status", *option)[0]


def test_status_as_json(loaded):
    """One object with freshness, the last loads and the issues by rule."""
    _, out, _ = loaded("status", "--json")

    state = json.loads(out)
    assert (2, True, False) == (state["referral_count"], state["is_reconciled"], state["is_stale"])
    assert ["full"] == [run["mode"] for run in state["last_runs"]]


def test_status_shows_how_an_error_begins(loaded, serve):
    """The table gives the first sentence of a failed load, and the JSON object all of it."""
    serve().revoke_access_tokens()
    _, _, told = loaded("load")
    error = told.removeprefix("referrals: ").strip()

    assert error in json.loads(loaded("status", "--json")[1])["last_runs"][0]["error"]
    shown = loaded("status")[1]
    assert f"{error.partition('. ')[0]}. ..." in shown
    assert error not in shown


def test_views_can_be_refreshed(loaded, ask, warehouse):
    """A view that was dropped by hand is there again."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop view marts.win_rates")

    assert 0 == loaded("views")[0]
    assert [(1,)] == ask("select count(*) from marts.win_rates where segment = 'all'")


@pytest.mark.slow
def test_demo_shows_the_funnel_and_refuses_a_real_warehouse(referrals, warehouse, monkeypatch):
    """It does the whole job over the file of a former demo, and never touches another."""
    monkeypatch.setattr("partner_referrals.demo.REFERRAL_COUNT", 500)
    with duckdb.connect("demo.duckdb") as connection:
        connection.execute("create schema settings; create table settings.made_by_demo (i int)")
    code, out, _ = referrals("demo")

    assert 0 == code
    stages = ["created", "responded", "accepted", "won", "created", "accepted"]
    assert stages == re.findall(r"^ ([a-z]+) +\d", out, re.M)
    with duckdb.connect("demo.duckdb", read_only=True) as connection:
        runs = connection.execute(
            "select resource, mode, reconciled from partner_center.load_runs order by started_at"
        ).fetchall()
    resources = ("referrals", "engagements", "search")
    assert runs == [(name, mode, True) for mode in ("full", "incremental") for name in resources]
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table precious (i int)")
    code, _, told = referrals("demo", "--warehouse", warehouse)
    assert 2 == code
    assert "not made by a demo" in told


@pytest.mark.slow
def test_sandbox_and_load_as_two_programs(tmp_path, warehouse):
    """What the sandbox prints is all that a load in another terminal needs, of deals too."""
    records, deals = tmp_path / "records.jsonl", tmp_path / "deals.jsonl"
    records.write_text("\n".join(json.dumps(referral(f"r{n}")) for n in range(3)))
    deals.write_text(json.dumps({"id": "d", "createdDateTime": "2024-05-06T07:08:09Z"}))
    with subprocess.Popen(
        [*COMMAND, "sandbox", "--records", str(records), "--engagements", str(deals)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as sandbox:
        exports = "".join(sandbox.stdout.readline() for _ in range(6))
        try:
            loaded = subprocess.run(
                ["sh", "-c", f'{exports}exec "$@"', "sh", *COMMAND, "load", "--json"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
            )
        finally:
            sandbox.terminate()
    assert (0, 0) == (loaded.returncode, sandbox.returncode)
    with duckdb.connect(tmp_path / "sandbox.duckdb", read_only=True) as connection:
        counts = connection.sql("from (select count(*) from partner_center.referrals), "
                                "(select count(*) from partner_center.engagements)")  # fmt: skip
        assert [(3, 1)] == counts.fetchall()


def test_offset_of_as_of_is_applied(referrals, warehouse, load, serve):
    """A timestamp with an offset means the same moment in UTC."""
    serve(referral("r1", createdDate="2020-01-01T00:00:00"))
    load()

    counts = [
        referrals("query", "select count(*) from marts.referrals", "--format", "csv",
                  "--warehouse", warehouse, "--as-of", f"2020-01-01T11:59:00{offset}")[1]
        for offset in ("+12:00", "Z")
    ]  # fmt: skip

    assert ["count_star()\n0\n", "count_star()\n1\n"] == counts


def test_sqlite_file_is_refused(referrals, tmp_path):
    """DuckDB would look for an extension on the network."""
    (tmp_path / "other.duckdb").write_bytes(b"SQLite format 3\x00" + bytes(1000))

    code, _, told = referrals("query", "select 1", "--warehouse", tmp_path / "other.duckdb")

    assert 2 == code
    assert "is an SQLite file" in told


def test_session_answers_in_utc(referrals, warehouse, load, serve, monkeypatch):
    """Whatever zone the machine is in."""
    serve(referral("r1"))
    load()

    assert "TimeZone\nUTC\n" == referrals(
        "query", "select current_setting('TimeZone') as \"TimeZone\"", "--format", "csv",
        "--warehouse", warehouse)[1]  # fmt: skip


QUERIES = [
    # name, SQL, CSV
    ("columns of one name", "select 1 a, 2 a, 3 b", "a,a,b\n1,2,3\n"),
    ("a boolean and a list", "select true a, [1, 2] b", 'a,b\ntrue,"[1, 2]"\n'),
    ("beyond Python's years", "select 'infinity'::timestamp a", "a\ninfinity\n"),
    ("a lone carriage return", "select 'x' || chr(13) || 'y' a", 'a\n"x\ry"\n'),
    ("a formula after blanks", "select '  =1' a", "a\n'  =1\n"),
    ("a comment first", "-- why\nselect 1 a", "a\n1\n"),
]


@pytest.mark.parametrize(
    ("sql", "csv"), [each[1:] for each in QUERIES], ids=[q[0] for q in QUERIES]
)
def test_csv_is_as_duckdb_writes_it(loaded, sql, csv):
    """Columns by position, values in DuckDB's spelling, nothing that a spreadsheet runs."""
    assert (0, csv) == loaded("query", sql, "--format", "csv")[:2]


def test_json_numbers_are_numbers(loaded):
    """Also sums, which are wider than 64 bits; a repeated name gets a number."""
    _, out, _ = loaded("query", "select sum(1) a, 1.5::decimal(9,2) a, true b", "--format", "json")

    assert [{"a": 1, "a_1": 1.5, "b": True}] == json.loads(out)


def test_json_has_null_for_what_is_no_number(loaded):
    """At any depth; JSON has neither NaN nor infinity, but a text may be called so."""
    sql = "select 'nan'::double a, ['-inf'::double, 1.5] b, {'NaN': 'inf'::float} c, '\"NaN' d"
    _, out, _ = loaded("query", sql, "--format", "json")

    row = {"a": None, "b": [None, 1.5], "c": {"NaN": None}, "d": '"NaN'}
    assert [row] == json.loads(out, parse_constant=pytest.fail)


def test_table_keeps_every_digit_in_a_pipe(loaded):
    """Nothing is cut or rounded, however wide the table is."""
    _, out, _ = loaded("query", f"select 12345.67::double a, '{'x' * 300}' b, 11995 c")

    assert ["12345.67", "x" * 300, "11995"] == out.splitlines()[-1].split()


def test_rows_that_are_left_out_are_said(loaded):
    """A table ends at 1,000 rows unless asked for more; CSV has all of them."""
    _, out, told = loaded("query", "from range(1200)")
    assert (1_002, True) == (len(out.splitlines()), "200 of 1,200 rows left out" in told)
    assert 1_201 == len(loaded("query", "from range(1200)", "--format", "csv")[1].splitlines())


def test_statement_from_a_file(loaded, tmp_path):
    """Where it is too long for a command line."""
    (tmp_path / "q.sql").write_text("-- a comment\nselect 7 as n")

    assert "n\n7\n" == loaded("query", "--file", tmp_path / "q.sql", "--format", "csv")[1]
    assert 2 == loaded("query")[0]


@pytest.mark.parametrize("arguments", [["select '\udce9'"], ["--file", "q.sql"], ["-"]])
def test_statement_that_is_no_utf8_is_refused(loaded, monkeypatch, tmp_path, arguments):
    """Wherever it comes from."""
    (tmp_path / "q.sql").write_bytes(b"select '\xe9'")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"select '\xe9'"), "utf-8"))

    code, out, told = loaded("query", *arguments)

    assert (2, "", 1) == (code, out, told.count("\n"))
    assert "utf-8" in told.lower()


def test_version_is_shown(referrals):
    """For reports of faults."""
    code, out, _ = referrals("--version")

    assert (0, True) == (code, bool(re.fullmatch(r"referrals \d+\.\d+\.\d+\n", out)))


def test_warehouse_from_the_environment(loaded, referrals, warehouse, monkeypatch):
    """Named once for all commands."""
    monkeypatch.setenv("REFERRALS_WAREHOUSE", str(warehouse))

    assert 0 == referrals("query", "select 1")[0]
