"""The report's figures are the marts' own, and its file is whole or the old one."""

import errno
import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from partner_center_sandbox import Sandbox
from partner_referrals.errors import ReferralsError, UsageError
from partner_referrals.report import write_report
from partner_referrals.report.figures import read_figures
from support.loads import build_warehouse
from support.records import NOW, referral

# Seconds each: too long for every change.
pytestmark = pytest.mark.slow

MEGABYTE = 1024 * 1024


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
def figures(made_up):
    """What the report shows of them."""
    return read_figures(made_up)


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


def rows(figures, name, *columns, segment_id=None):
    """Some columns of a dataset, for one segment or all."""
    dataset = figures["datasets"][name]
    places = [dataset["columns"].index(column) for column in columns]
    return [
        tuple(row[place] for place in places)
        for row in dataset["rows"]
        if segment_id is None or row[dataset["columns"].index("segment_id")] == segment_id
    ]


class TestFigures:
    """What 300 made-up referrals give, against what the marts say."""

    def test_trend_is_that_of_the_mart(self, figures, made_up):
        """For all referrals the newest 24 months are those of marts.trends, changes included."""
        expected = ask(
            made_up,
            "select period_start::varchar, created_count, won_count, lost_count, is_complete, "
            "round(created_change_rate, 6), round(won_change_rate, 6) from marts.trends "
            "where period = 'month' order by period_start desc limit 24",
        )

        assert expected[::-1] == rows(
            figures,
            "trend",
            *("month", "created_count", "won_count", "lost_count", "is_complete"),
            *("created_change_rate", "won_change_rate"),
            segment_id=0,
        )

    def test_every_bar_counts_what_the_durations_count(self, figures):
        """The bars of each segment hold just the referrals that its percentiles are of."""
        bars: dict[tuple[int, str], int] = {}
        for segment_id, stage, count in rows(
            figures, "duration_bins", "segment_id", "to_stage", "referral_count"
        ):
            bars[segment_id, stage] = bars.get((segment_id, stage), 0) + count

        assert bars == {
            (segment_id, to_stage): count
            for segment_id, from_stage, to_stage, count in rows(
                figures, "durations", "segment_id", "from_stage", "to_stage", "referral_count"
            )
            if from_stage == "created" and to_stage in ("responded", "accepted")
        }

    def test_bars_up_to_a_limit_kept_it(self, figures, made_up):
        """What stands above the line of 24 hours is what the mart says was in time."""
        (met,) = ask(
            made_up,
            "select count(*) from marts.response_sla "
            "where rule = 'recommended_24h' and state = 'met'",
        )[0]
        last_bin = figures["duration_edges"].index(24)

        assert met == sum(
            count
            for stage, bin_, count in rows(
                figures, "duration_bins", "to_stage", "bin", "referral_count", segment_id=0
            )
            if stage == "responded" and 0 <= bin_ <= last_bin
        )

    def test_deadlines_are_those_of_the_mart(self, figures, made_up):
        """For all referrals the deadlines kept and broken are those of response_sla_by_month."""
        expected = ask(
            made_up,
            "select rule, sum(met_count), sum(breached_count), sum(pending_count) "
            "from marts.response_sla_by_month group by rule order by rule",
        )

        assert expected == [
            (rule, *counts)
            for rule, month, *counts in rows(
                figures,
                "response_sla",
                *("rule", "created_month", "met_count", "breached_count", "pending_count"),
                segment_id=0,
            )
            if month is None
        ]

    def test_open_referrals_are_all_there(self, figures, made_up):
        """The bars of each segment hold just its open referrals."""
        expected = ask(
            made_up,
            "select customer_market, count(*) from marts.referrals where is_open "
            "group by customer_market order by customer_market",
        )
        markets = {
            segment_id: value
            for segment_id, segment, value in rows(
                figures, "segments", "segment_id", "segment", "segment_value"
            )
            if segment == "customer_market"
        }
        counts = dict.fromkeys(markets.values(), 0)
        for segment_id, count in rows(figures, "open_ages", "segment_id", "referral_count"):
            if segment_id in markets:
                counts[markets[segment_id]] += count

        assert dict(expected) == {value: count for value, count in counts.items() if count}

    def test_every_segment_has_its_funnel_once(self, figures):
        """No figure is counted twice, also where a segment's value is null."""
        segment_ids = [segment_id for (segment_id,) in rows(figures, "segments", "segment_id")]

        assert [each for each in segment_ids for _ in range(4)] == [
            segment_id for (segment_id,) in rows(figures, "funnel", "segment_id")
        ]


def test_the_20_largest_values_can_be_chosen(tmp_path):
    """A segment with many values shows the 20 with the most referrals, and how many there are."""
    records = [
        referral(f"{market}-{number}", customerMarket=f"M{market}")
        for market in range(25)
        for number in range(market + 1)
    ]
    with Sandbox(records, now=NOW) as sandbox:
        figures = read_figures(build_warehouse(tmp_path / "referrals.duckdb", sandbox))

    assert [(f"M{market}", 25) for market in range(24, 4, -1)] == [
        (value, value_count)
        for segment, value, value_count in rows(
            figures, "segments", "segment", "segment_value", "value_count"
        )
        if segment == "customer_market"
    ]


def test_answers_as_of_a_moment(small):
    """What came in after the moment of the report is not in it."""
    figures = read_figures(small, as_of="2026-03-05")

    assert "2026-03-05T00:00:00" == figures["as_of"]
    assert [(2,)] == rows(figures, "segments", "created_count", segment_id=0)


def test_expiring_ones_come_first(small):
    """The list begins with what expires next, then what should have, then the oldest accepted."""
    assert [
        ("expiring", "expiring"),
        ("waiting", "waiting"),
        ("overdue", "overdue"),
        ("older", "accepted"),
        ("accepted", "accepted"),
    ] == rows(read_figures(small), "open_list", "referral_id", "urgency")


def test_own_limits_become_edges(small, tmp_path):
    """A limit from the user's own rules divides two bars; one that applies no more does not."""
    own = Path(shutil.copy(small, tmp_path))
    with duckdb.connect(str(own)) as connection:
        connection.execute(
            "insert into settings.sla_rules values ('ours', null, null, 30), "
            "('past', null, timestamp '2020-01-01', 31)"
        )

    assert [1, 4, 12, 24, 30, 48, 72, 168, 336, 720] == read_figures(own)["duration_edges"]


class TestAnonymous:
    """With customers by number."""

    def test_no_name_is_left(self, small, out):
        """A customer's name is nowhere in the file."""
        write_report(small, out, anonymise=True)

        assert [] == re.findall("(?i)contoso|fabrikam|northwind|adatum", out.read_text("utf-8"))

    def test_a_customer_has_one_number(self, small):
        """Customers are numbered by their first referral."""
        assert [
            ("expiring", "Customer 3"),
            ("waiting", "Customer 4"),
            ("overdue", "Customer 2"),
            ("older", "Customer 1"),
            ("accepted", "Customer 2"),
        ] == rows(read_figures(small, anonymise=True), "open_list", "referral_id", "customer_name")

    def test_a_number_stays(self, small, tmp_path):
        """A customer who comes later gets the next number; the others keep theirs."""
        grown = Path(shutil.copy(small, tmp_path))
        late = referral("late", customerName="Tailspin", createdDate="2026-03-31T11:00:00")
        with Sandbox([*SMALL, late], now=NOW) as sandbox:
            build_warehouse(grown, sandbox, NOW + timedelta(hours=1))
        names = rows(read_figures(grown, anonymise=True), "open_list", "customer_name")

        assert {(f"Customer {number}",) for number in range(1, 6)} == set(names)
        assert ("Customer 3",) == names[0]


class TestFile:
    """The file that is written."""

    def test_needs_nothing_else(self, small, out):
        """The page forbids itself every connection, and asks for none."""
        write_report(small, out)
        page = out.read_text("utf-8")
        markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)

        assert "content=\"default-src 'none';" in page
        assert [] == re.findall(r"\b(?:src|href|action)=|@import|https?:", markup)

    def test_is_below_3_megabytes(self, made_up, out):
        """The scripts are all in the file, and still it can be sent by mail."""
        write_report(made_up, out)

        assert 0.5 < out.stat().st_size / MEGABYTE < 3

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
