"""What the command line writes, where it fails to, and how it is interrupted."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from partner_referrals.output.terminal import RunProgress
from support.records import referral

COMMAND = [sys.executable, "-m", "partner_referrals"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the first test leaves its loaded warehouse for the others."""
    return tmp_path_factory.mktemp("kept") / "referrals.duckdb"


@pytest.fixture
def loaded(serve, referrals, warehouse, kept):
    """A warehouse with one referral."""
    serve(referral("a"))
    if not kept.exists():
        assert 0 == referrals("load", "--warehouse", kept)[0]
    shutil.copy(kept, warehouse)
    return warehouse


@pytest.mark.slow
def test_full_disk_is_told(loaded):
    """Where the answer cannot be written, one sentence says so."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, "query", "from range(100000)", "--limit", "100000"],
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    assert (1, 1) == (ended.returncode, ended.stderr.count("\n"))
    assert "No space left" in ended.stderr


@pytest.mark.parametrize("command", ["query", "views", "report", "backup"])
def test_command_survives_a_full_log(loaded, command):
    """What cannot be told stops nothing; only what standard output cannot take is an error."""
    arguments = {"query": ["select 1"], "backup": ["copy.duckdb"]}.get(command, [])
    ends = []
    for redirection in ("2>/dev/full", "2>&-", ">&- 2>&-", ">/dev/full 2>/dev/full"):
        line = f'exec "$@" {redirection}'
        ended = subprocess.run(["sh", "-c", line, "sh", *COMMAND, command, *arguments], check=False)
        ends.append(ended.returncode)

    assert [0, 0, 0, 1] == ends


def test_load_survives_a_full_log(serve, warehouse):
    """The night's data is loaded, whatever becomes of the lines about it."""
    serve(referral("a"))
    for redirection in ("2>/dev/full", "2>&-", ">&-"):
        line = f'exec "$@" {redirection}'
        ended = subprocess.run(["sh", "-c", line, "sh", *COMMAND, "load", "--json"], check=False)
        assert 0 == ended.returncode
    with duckdb.connect(warehouse, read_only=True) as connection:
        loads = connection.execute("select count(*) from partner_center.load_runs").fetchall()

    assert [(3,)] == loads


def test_views_on_a_full_disk_are_told(loaded):
    """Where the views cannot be written, a sentence says so, and the old ones stay."""
    with duckdb.connect(loaded) as connection:
        connection.execute("drop view marts.freshness")
        connection.execute("create table filler as select random() from range(200000)")
    ended = subprocess.run(
        ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", *COMMAND, "views"],
        capture_output=True, text=True,
    )  # fmt: skip

    assert (1, 1) == (ended.returncode, ended.stderr.count("\n"))
    assert "The views could not be finished" in ended.stderr


def test_first_load_that_fails_leaves_no_figures(serve, referrals, warehouse, tmp_path):
    """Views without a load would answer with zeros."""
    serve(referral("a")).revoke_access_tokens()
    other = tmp_path / "other.duckdb"

    assert 3 == referrals("load", "--warehouse", other)[0]
    assert 2 == referrals("query", "from marts.referrals", "--warehouse", other)[0]
    code, _, err = referrals("query", "select 1 as n", "--warehouse", other)
    assert (0, True) == (code, "holds no finished load yet" in err)


def test_load_that_is_not_published_has_succeeded(serve, referrals, monkeypatch):
    """As its row in load_runs says; what became of publishing is told beside it."""
    serve(referral("a"))
    monkeypatch.setenv("PUBLISH__DIR", "not/there")

    code, out, _ = referrals("load", "--json")

    found = json.loads(out)
    assert (2, 2, True, 1) == (code, found["exit_code"], found["succeeded"], found["rows_new"])
    assert "not published" in found["error"]


def test_load_of_a_later_clock_is_told(loaded, referrals):
    """A load that ended after now holds all figures at its moment, so each command says so."""
    with duckdb.connect(loaded) as connection:
        connection.execute(
            "update partner_center.load_runs set finished_at = timestamp '2099-01-01'"
        )

    for command, code in (("load", 0), ("status", 0), ("doctor", 1)):
        ended, out, err = referrals(command)
        assert code == ended
        assert "A load ended at 2099-01-01 00:00 UTC, which is later than now" in out + err
    (advised,) = re.findall(r"delete from .*'UTC'", err + out)
    with duckdb.connect(loaded) as connection:
        for zone, count in (("America/New_York", 1), ("Asia/Tokyo", 0)):
            connection.execute(f"set TimeZone = '{zone}'")
            assert [(count,)] == connection.execute(advised).fetchall()


def test_backup_on_a_full_disk_names_the_file(loaded):
    """What could not be written, and that an older copy is as it was."""
    ended = subprocess.run(
        ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *COMMAND, "backup", "copy.duckdb"],
        capture_output=True, text=True,
    )  # fmt: skip

    assert 1 == ended.returncode
    assert "copy.duckdb could not be written: File too large. What" in ended.stderr
    assert [] == list(loaded.parent.glob("*copy*"))


def test_level_that_logging_lacks_is_told(monkeypatch):
    """dlt hands it on to Python's logging as it is configured, which a process does once."""
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "xml")

    ended = subprocess.run([*COMMAND, "load"], capture_output=True, text=True)

    assert 2 == ended.returncode
    assert "[runtime] cannot be read: Unknown level: 'xml'. Nothing was done" in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["load", "--nope"], ["load", "--help"]])
def test_help_carries_no_times(arguments):
    """Only the lines of a command that runs are read later; the others are for whoever types."""
    ended = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True)

    assert "referrals" in ended.stdout + ended.stderr
    assert [] == re.findall(r"^20\d\d-", ended.stdout + ended.stderr, re.MULTILINE)


def test_warning_of_several_resources_is_printed_once(capsys):
    """On a full disk none of their runs can be recorded."""
    with RunProgress(Console(stderr=True)) as progress:
        for sentence in ("No run could be recorded.", "Another.", "No run could be recorded."):
            progress.warn(sentence)

    assert ["No run could be recorded.", "Another."] == [
        line.removeprefix("warning   ") for line in capsys.readouterr().err.splitlines()
    ]


@pytest.mark.slow
def test_interrupted_query_exits_130(loaded):
    """A scheduler's SIGTERM in the middle of DuckDB's work leaves no traceback."""
    sql = "select count(*) from range(10000000) a, range(10000000) b"
    with subprocess.Popen([*COMMAND, "query", sql], stderr=subprocess.PIPE, text=True) as running:
        time.sleep(5)
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=30)

    assert 130 == running.returncode
    assert "referrals: Interrupted. What was finished is kept" in told
    assert "Traceback" not in told


@pytest.mark.slow
def test_interrupted_load_says_what_it_means(serve):
    """Ctrl-C while records come in: one sentence, and exit code 130."""
    sandbox = serve(referral("a"))
    with subprocess.Popen([*COMMAND, "load"], stderr=subprocess.PIPE, text=True) as running:
        sandbox.behaviour.on_request = lambda _: running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)

    assert 130 == running.returncode
    assert "referrals: Interrupted. What was finished is kept" in told
    assert "Traceback" not in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["query", "from range(100000)", "--limit", "100000"], 0),
        (["query", "from range(100000)", "--format", "csv"], 0),
        (["query", "from range(100000)", "--format", "parquet"], 0),
        (["status"], 0),
        (["status", "--max-age", "0m"], 1),
        (["views", "--dialect", "postgres"], 0),
    ],
)
def test_reader_may_stop_early(loaded, arguments, code):
    """The exit code is the command's own, whoever has read enough."""
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([*COMMAND, *arguments], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)

    assert code == ended.returncode
    assert "Error" not in ended.stderr


def test_known_at_before_the_first_load_is_refused(loaded, referrals):
    """An empty answer would pass for zeros; the moment of the first load is named."""
    code, out, told = referrals("query", "select 1", "--known-at", "2001-01-01")

    assert (2, "") == (code, out)
    assert "before the first load" in told
    assert 0 == referrals("query", "select 1", "--known-at", "2199-01-01")[0]


def test_backup_is_a_warehouse(loaded, referrals, tmp_path):
    """It answers as the warehouse does, and replaces an older copy of it."""
    copy = tmp_path / "copy.duckdb"

    assert [0, 0] == [referrals("backup", copy)[0] for _ in range(2)]
    with duckdb.connect(copy, read_only=True) as connection:
        assert [(1,)] == connection.execute("select count(*) from marts.referrals").fetchall()
    assert [] == list(tmp_path.glob(".referrals-*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["duckdb:it", ":memory:"])
def test_path_is_never_a_url(loaded, referrals, tmp_path, name):
    """Also where DuckDB would take the name for a URL, every file stands where it was named."""
    loaded.rename(name)

    assert 0 == referrals("load", "--warehouse", name)[0]
    assert 0 == referrals("backup", f"{name}.copy", "--warehouse", name)[0]
    assert 0 == referrals("publish", f"{name}.bi", "--warehouse", name)[0]
    assert {name, f"{name}.copy", f"{name}.bi"} == {
        path.name for path in tmp_path.glob(f"{name}*") if path.suffix != ".lock"
    }


@pytest.mark.parametrize("what", ["text", "database", "itself", "directory", "newer copy"])
def test_backup_replaces_nothing_else(loaded, referrals, tmp_path, what):
    """A file that is no older copy of this warehouse stays as it is."""
    file = {"itself": loaded, "directory": tmp_path}.get(what, tmp_path / "other")
    if what == "text":
        file.write_text("dear diary" * 1000)
    if what == "database":
        duckdb.connect(file).close()
    if what == "newer copy":
        shutil.copy(loaded, file)
        assert 0 == referrals("load", "--warehouse", file)[0]

    code, out, told = referrals("backup", file)

    assert (2, "") == (code, out)
    assert str(file) in told


def test_report_is_not_written_over_the_warehouse(loaded, referrals, tmp_path):
    """By a link neither."""
    (tmp_path / "link.html").symlink_to(loaded)

    code, _, told = referrals("report", "--out", tmp_path / "link.html")

    assert 2 == code
    assert "same file" in told


def test_own_page_beside_the_demo_is_kept(referrals, tmp_path):
    """The report of a demo gets the name of its warehouse, which may be taken."""
    (tmp_path / "demo.html").write_text("mine")

    assert 2 == referrals("demo")[0]
    assert "mine" == (tmp_path / "demo.html").read_text()


@pytest.mark.parametrize(
    "arguments",
    [["--port", "99999"], ["--count", "-5"], ["--records", "broken.jsonl"],
     ["--records", "x" * 300], ["--records", "list.jsonl"], ["--engagements", "list.jsonl"],
     ["--records", "empty.jsonl"], ["--engagements", "empty.jsonl"]],
)  # fmt: skip
def test_unusable_option_of_the_sandbox_is_told(referrals, tmp_path, arguments):
    """Exit code 2 and a sentence, which names what was given."""
    (tmp_path / "broken.jsonl").write_text('{"id": "a"}\n{"id": \n')
    (tmp_path / "list.jsonl").write_text('{"id": "a"}\n[1]\n')
    (tmp_path / "empty.jsonl").write_text("\n")

    code, out, told = referrals("sandbox", *arguments)

    assert (2, "") == (code, out)
    assert arguments[1] in told
    assert ("Line 2" in told) == (arguments[1] in ("broken.jsonl", "list.jsonl"))
    assert "Traceback" not in told


def test_report_of_another_kind_is_refused(loaded, referrals, tmp_path):
    """HTML under another ending opens nowhere."""
    code, _, told = referrals("report", "--out", "x.txt")

    assert 2 == code
    assert "end in .html, .htm, .pdf, .png" in told
    assert not (tmp_path / "x.txt").exists()


def test_failed_load_is_one_json_object_too(referrals):
    """A program that reads the answer needs no other way for failures."""
    code, out, _ = referrals("load", "--json")

    answer = json.loads(out)
    assert (2, False, 2) == (code, answer["succeeded"], answer["exit_code"])
    assert answer["error"]


@pytest.mark.parametrize("fails", [False, True])
def test_load_of_several_resources_is_one_json_object(serve, referrals, monkeypatch, fails):
    """Each run is in it, and the worst failure, if there is one."""
    sandbox = serve(referral("a"))
    prefix = "SOURCES__PARTNER_CENTER__"
    token = "revoked" if fails else sandbox.engagements_access_token
    monkeypatch.setenv(f"{prefix}RESOURCES", '["referrals", "engagements"]')
    monkeypatch.setenv(f"{prefix}ENGAGEMENTS_BASE_URL", sandbox.base_url)
    monkeypatch.setenv(f"{prefix}CREDENTIALS__ENGAGEMENTS_ACCESS_TOKEN", token)

    code, out, _ = referrals("load", "--json")

    answer = json.loads(out)
    assert [True, not fails] == [run["succeeded"] for run in answer["runs"]]
    assert fails != answer["succeeded"]
    assert (code or None) == answer.get("exit_code") == (3 if fails else None)
    assert fails == ("engagements could not be loaded" in answer.get("error", ""))
