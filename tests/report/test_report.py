"""What the report carries, and that its file is whole or the old one."""

import base64
import errno
import json
import os
import re
import shutil
import struct
import zlib
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from partner_center_sandbox import Sandbox
from partner_referrals.errors import ReferralsError, UsageError
from partner_referrals.report import read_targets, words, write_report
from partner_referrals.report.columns import pack_columns
from partner_referrals.report.figures import read_figures
from partner_referrals.report.page import render_page
from partner_referrals.report.words import Words
from support.documents import ROOT
from support.loads import build_warehouse, load_everything
from support.records import NOW, referral

# Seconds each: too long for every change.
pytestmark = pytest.mark.slow

MEGABYTE = 1024 * 1024
LANGUAGES = Path(words.__file__).parent / "languages"

SMALL = (
    referral("accepted", customerName="Contoso", acceptedDate="2026-03-03"),
    referral("older", customerName="Fabrikam", createdDate="2026-02-02", acceptedDate="2026-02-03"),
    referral("overdue", customerName="Contoso", createdDate="2026-03-10"),
    referral("waiting", customerName="Northwind", createdDate="2026-03-30"),
    referral("expiring", customerName="Adatum", createdDate="2026-03-18"),
)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A warehouse with 300 made-up referrals."""
    with Sandbox(count=300, now=NOW) as sandbox:
        return build_warehouse(tmp_path_factory.mktemp("made_up") / "referrals.duckdb", sandbox)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A warehouse with the five SMALL referrals; not to be written to."""
    with Sandbox(SMALL, now=NOW) as sandbox:
        return build_warehouse(tmp_path_factory.mktemp("small") / "referrals.duckdb", sandbox)


@pytest.fixture
def out(tmp_path):
    """Where the test's report will be."""
    return tmp_path / "report.html"


def ask(warehouse, sql):
    """What the warehouse itself answers."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def columns(figures, *names):
    """Some columns of the referrals, row by row, in the order of listing."""
    return [tuple(row.values()) for row in figures.referrals.select(names).to_pylist()]


def test_answers_as_of_a_moment(small):
    """What came in after the moment of the report is not in it."""
    figures = read_figures(small, as_of="2026-03-05")

    assert datetime(2026, 3, 5) == figures.as_of
    assert 2 == figures.referrals.num_rows


def test_answers_as_of_the_newest_load_of_any_resource(tmp_path):
    """A later load of deals alone moves the report's moment, as it moves that of the marts."""
    later = NOW + timedelta(days=2)
    with Sandbox(SMALL, now=NOW) as sandbox:
        warehouse = build_warehouse(tmp_path / "referrals.duckdb", sandbox)
        load_everything(sandbox, warehouse, later, resources=["engagements"])
    ((as_of,),) = ask(warehouse, "select as_of from intermediate.moments")

    assert later == as_of == read_figures(warehouse).as_of


def test_dates_far_away_break_no_report(tmp_path, out):
    """Durations beyond 68 years, and moments that no float holds to the microsecond."""
    records = [
        referral("old", createdDate="1601-01-01T00:00:00", acceptedDate="2026-03-01"),
        referral("entered", acceptedDate="1601-01-01T00:00:00.123"),
        referral("late", status="Won", wonDate="9999-12-31T23:59:59"),
    ]
    with Sandbox(records, now=NOW) as sandbox:
        write_report(build_warehouse(tmp_path / "referrals.duckdb", sandbox), out)

    assert "3 referrals" in out.read_text("utf-8")


def test_errors_are_no_referrals(tmp_path):
    """What was closed as an error is neither counted nor listed, as in every mart."""
    records = [*SMALL, referral("mistake", status="Error")]
    with Sandbox(records, now=NOW) as sandbox:
        figures = read_figures(build_warehouse(tmp_path / "referrals.duckdb", sandbox))

    assert 5 == figures.referrals.num_rows
    assert [5] == [
        row["reached_count"] for row in figures.marts["funnel_stages"] if row["stage"] == "created"
    ]


def test_won_and_lost_counts_once(tmp_path):
    """With both dates it is what it ended as, in the months too, as the scripts have it."""
    dates = {"acceptedDate": "2026-03-02", "wonDate": "2026-03-04", "lostDate": "2026-03-05"}
    with Sandbox([referral("both", status="Won", **dates)], now=NOW) as sandbox:
        warehouse = build_warehouse(tmp_path / "referrals.duckdb", sandbox)

    months = read_figures(warehouse).marts["trends"]

    assert (1, 0) == tuple(sum(row[name] for row in months) for name in ("won_count", "lost_count"))


def test_columns_are_packed_without_what_is_listed():
    """Values travel as numbers; what is only listed travels as text, no further than its cap."""
    packed = pack_columns(
        pa.table({"name": ["a", "b"], "market": ["DE", None], "age": pa.array([3, None])}),
        {"name": 1},
    )

    assert {"market": {"kind": "codes", "values": ["DE"]}, "age": {"kind": "int32"}} == packed[
        "columns"
    ]
    assert {"name": ["a"]} == json.loads(zlib.decompress(base64.b64decode(packed["listed"])))
    assert [0, -1, 3, -1] == list(
        struct.unpack("<4i", zlib.decompress(base64.b64decode(packed["bytes"])))
    )


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0.0, "0%"), (0.29, "29%"), (13086 / 13087, "99.99%"), (0.054, "5.4%"), (1.0, "100%")],
)
def test_nearly_all_is_not_all(rate, shown):
    """A rate has as many decimals as keep it apart from none and all."""
    assert shown == Words("en").percent(rate)


def test_languages_say_the_same():
    """Each language has every wording, with the same gaps for numbers and names."""
    languages = {path.stem: Words(path.stem).entries for path in LANGUAGES.glob("*.json")}
    gaps = {
        code: {
            key: set(re.findall(r"{\w+}", json.dumps(entry)))
            for key, entry in entries.items()
            if key != "format"
        }
        for code, entries in languages.items()
    }
    assert {"en", "fr"} <= set(languages)
    assert all(gaps["en"] == other for other in gaps.values())
    assert 1 == len({len(entries["glossary"]) for entries in languages.values()})
    assert 1 == len({tuple(entries["format"]) for entries in languages.values()})


@pytest.mark.parametrize("code", ["en", "fr"])
def test_each_rule_of_data_quality_has_a_name(code):
    """None is shown by its name in SQL, in whichever language."""
    definitions = (ROOT / "docs" / "definitions.md").read_text("utf-8")
    rules = re.findall(r"^\| `(\w+)` \| (?:error|warning|info) ", definitions, re.MULTILINE)

    assert len(rules) > 10
    assert [] == [rule for rule in rules if f"name.{rule}" not in Words(code).entries]


def test_language_has_to_be_there(small, out):
    """Another language is refused with those that there are."""
    with pytest.raises(UsageError, match="Write one of: en, fr"):
        write_report(small, out, language="xx")


def test_targets_are_read():
    """A target is a figure's name and a number that it can have."""
    assert {"win_rate": 0.45, "won_count": 40} == read_targets(["win_rate=0.45", "won_count=40"])


@pytest.mark.parametrize("text", ["win_rate", "win_rate=45", "rate=0.4", "won_count=nan", "=1", ""])
def test_impossible_targets_are_refused(text):
    """A sentence says what can be written."""
    with pytest.raises(UsageError, match="created_count=150"):
        read_targets([text])


class TestAnonymous:
    """With customers by number."""

    def test_no_name_is_left(self, small, out):
        """A customer's name is nowhere in the file."""
        write_report(small, out, anonymise=True)

        assert [] == re.findall("(?i)contoso|fabrikam|northwind|adatum", out.read_text("utf-8"))

    def test_no_name_of_a_deal_is_left(self, tmp_path):
        """A deal is often called after its customer; both have numbers, and the same ones."""
        warehouse = tmp_path / "referrals.duckdb"
        with Sandbox(count=300, now=NOW) as sandbox:
            load_everything(sandbox, warehouse)
        names = ask(warehouse, "select deal_name, customer_name from marts.deals")
        figures = read_figures(warehouse, customer_alias="Customer")
        page = render_page(figures, Words("en"), is_anonymous=True)
        packed = json.loads(re.search(r'id="report">(.*?)</script>', page)[1])
        listed = "".join(
            zlib.decompress(base64.b64decode(packed[table]["listed"])).decode()
            for table in ("referrals", "deals")
        )
        plain = read_figures(warehouse)
        numbers = {
            (name, alias)
            for before, after in (
                (plain.deals, figures.deals),
                (plain.referrals, figures.referrals),
            )
            for name, alias in zip(
                before["customer_name"].to_pylist(), after["customer_name"].to_pylist(), strict=True
            )
        }

        # One of the customers that the stand-in makes up is called null, as JSON's.
        named = {name for pair in names for name in pair} - {None, "null"}
        assert len(named) > 100
        assert not [name for name in named if name in page + listed]
        assert len(numbers) == len(dict(numbers)) == len({alias for _, alias in numbers}) > 100

    def test_a_customer_has_one_number(self, small):
        """Customers are numbered by their first referral."""
        assert {
            ("expiring", "Customer 3"),
            ("waiting", "Customer 4"),
            ("overdue", "Customer 2"),
            ("older", "Customer 1"),
            ("accepted", "Customer 2"),
        } == set(
            columns(read_figures(small, customer_alias="Customer"), "referral_id", "customer_name")
        )

    def test_a_number_stays(self, small, tmp_path):
        """A customer who comes later gets the next number; the others keep theirs."""
        grown = Path(shutil.copy(small, tmp_path))
        late = referral("late", customerName="Tailspin", createdDate="2026-03-31T11:00:00")
        with Sandbox([*SMALL, late], now=NOW) as sandbox:
            build_warehouse(grown, sandbox, NOW + timedelta(hours=1))
        figures = read_figures(grown, customer_alias="Customer")

        assert {
            ("late", "Customer 5"),
            ("expiring", "Customer 3"),
        } <= set(columns(figures, "referral_id", "customer_name"))


class TestFile:
    """The file that is written."""

    def test_needs_nothing_else(self, small, out):
        """The page forbids itself every connection, and asks for none."""
        write_report(small, out)
        page = out.read_text("utf-8")
        markup = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)

        assert "content=\"default-src 'none';" in page
        assert [] == re.findall(r"\b(?:src|href|action)=|@import|https?:", markup)

    def test_is_small(self, made_up, out):
        """The scripts are all in the file, and still it can be sent by mail."""
        write_report(made_up, out)

        assert 0.05 < out.stat().st_size / MEGABYTE < 0.3

    def test_needs_a_browser_for_a_pdf(self, small, tmp_path, monkeypatch):
        """Where there is none, a sentence says what to do, and no file is left."""
        monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
        with pytest.raises(UsageError, match="needs Chromium, Chrome or Edge"):
            write_report(small, tmp_path / "report.pdf")

        assert [] == list(tmp_path.iterdir())

    def test_is_the_old_one_when_the_disk_is_full(self, small, out, monkeypatch):
        """A report that cannot be finished leaves the old one, and nothing beside it."""
        out.write_text("the old one")

        def fail(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(ReferralsError, match="No space left"):
            write_report(small, out)

        assert "the old one" == out.read_text()
        assert ["report.html"] == [path.name for path in out.parent.iterdir() if path.is_file()]

    def test_never_replaces_the_warehouse(self, small, tmp_path):
        """A report onto the warehouse's own path is refused."""
        own = Path(shutil.copy(small, tmp_path))
        with pytest.raises(UsageError, match="is the same file as"):
            write_report(own, own)

        assert [(5,)] == ask(own, "select count(*) from marts.referrals")

    @pytest.mark.parametrize(
        ("name", "advice"), [("missing/report.html", "Create it first"), (".", "Name a file in it")]
    )
    def test_needs_a_place(self, small, tmp_path, name, advice):
        """Where no file can be, the report says so before it reads anything."""
        with pytest.raises(UsageError, match=advice):
            write_report(small, tmp_path / name)

    def test_needs_a_finished_load(self, tmp_path, out):
        """A warehouse that no load has finished in is a usage error, and no report."""
        with duckdb.connect(str(tmp_path / "new.duckdb")) as connection:
            connection.execute("create table something (id integer)")
        with pytest.raises(UsageError, match="no finished load"):
            write_report(tmp_path / "new.duckdb", out)

        assert not out.exists()
