"""Facts about the marts that hold whatever the referrals are, and known cases."""

import random
import re
import warnings
from dataclasses import replace
from datetime import datetime, timedelta

import duckdb
import pytest

from partner_referrals.warehouse.views import view_definitions
from support.deal_rows import Deals, DealVersion
from support.oracle import MILESTONES, TERMINALS, Load, Warehouse
from support.views import (
    CROWDED,
    GRAINS,
    LOADED,
    assert_same,
    holding,
    make_warehouse,
    read,
    version,
    warehouse,
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    path = make_warehouse(tmp_path_factory.mktemp("views") / "referrals.duckdb")
    with duckdb.connect(path) as connection:
        yield connection


@pytest.fixture(params=["now", "as of"])
def crowd(request, tables):
    """Three hundred odd referrals, as of now and as of the past."""
    with holding(tables, CROWDED[request.param]):
        yield tables


def test_stage_counts_never_rise(crowd):
    """No stage of the funnel holds more referrals than the one before, strictly or not."""
    rises = crowd.execute(
        "select * from marts.funnel_stages as later join marts.funnel_stages as earlier "
        "on later.segment = earlier.segment "
        "and later.segment_value is not distinct from earlier.segment_value "
        "and later.stage_order = earlier.stage_order + 1 "
        "where later.reached_count > earlier.reached_count "
        "or later.strict_count > earlier.strict_count or later.strict_count > later.reached_count"
    ).fetchall()

    assert [] == rises


def test_open_and_closed_are_all(crowd):
    """Every referral is open, with a row in open_referrals, or has an outcome."""
    ((all_count, open_count, closed_count),) = crowd.execute(
        "select count(*), (select count(*) from marts.open_referrals), count(outcome) "
        "from marts.referrals"
    ).fetchall()

    assert all_count == open_count + closed_count


def test_flow_adds_up(crowd):
    """Open at the start of a day, and what came, less what went, is open at the next start."""
    rows = read(crowd, "flow_by_day")

    assert [
        row["open_at_start_count"] + row["created_count"] - row["closed_count"] for row in rows[:-1]
    ] == [row["open_at_start_count"] for row in rows[1:]]


@pytest.mark.parametrize(
    ("mart", "count"),
    [
        ("win_rates", "created_count"),
        ("win_rates", "won_count"),
        ("funnel_stages", "strict_count"),
        ("funnel_cohorts", "open_count"),
        ("stage_durations", "referral_count"),
    ],
)
def test_segments_add_up(crowd, mart, count):
    """The values of each segment, null among them, add up to all."""
    sums = crowd.execute(
        f"select segment, sum({count}) from marts.{mart} group by segment"
    ).fetchall()

    assert (4, 1) == (len(sums), len({total for _, total in sums}))


@pytest.mark.slow
def test_view_is_unique_on_its_grain(crowd):
    """No view, in whichever schema, repeats what its contract says there is one row of.

    Searches have no key: equal searches of one day are equal rows.
    """
    repeated = {}
    for each in view_definitions():
        if each.qualified_name == "staging.searches":
            continue
        grain = re.search(r"Grain: one row(?: per (.+))?", each.comment)[1] or "true"
        repeated[each.qualified_name] = crowd.execute(
            f"select {grain}, count(*) from {each.qualified_name} group by {grain} "
            "having count(*) > 1"
        ).fetchall()

    assert {name: [] for name in repeated} == repeated


@pytest.mark.slow
def test_figures_do_not_depend_on_the_time_zone(tables):
    """Sessions set to New York, Tokyo and UTC read the same rows from every mart."""
    answers = []
    for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
        tables.execute(f"set timezone = '{zone}'")
        with holding(tables, CROWDED["now"]):
            answers.append({mart: read(tables, mart) for mart in GRAINS})
    tables.execute("reset timezone")

    for mart in GRAINS:
        for answer in answers[1:]:
            assert_same(answers[0][mart], answer[mart], mart)


def test_simultaneous_endings_have_an_order(tables):
    """Of endings at one moment, won goes before lost, declined, expired, missed and skipped."""
    created, ended = LOADED - timedelta(days=2), LOADED - timedelta(days=1)
    versions = [
        version(f"R{rank}", created=created, **dict.fromkeys(TERMINALS[rank:], ended))
        for rank in range(len(TERMINALS))
    ]
    with holding(tables, warehouse(*versions)):
        rows = tables.execute("select outcome from marts.referrals order by referral_id").fetchall()

    assert [(terminal,) for terminal in TERMINALS] == rows


def test_milestone_at_the_moment_asked_about_has_happened(tables):
    """What is dated as of the very moment counts, a microsecond later does not."""
    dates = dict.fromkeys(MILESTONES, LOADED)
    columns = ", ".join(f"{name}_at" for name in MILESTONES)
    answers = []
    for moment in (LOADED, LOADED - timedelta(microseconds=1)):
        with holding(tables, warehouse(version("R1", **dates), asked_as_of=moment)):
            answers.append(tables.execute(f"select {columns} from marts.referrals").fetchall())

    assert [[(LOADED,) * len(MILESTONES)], []] == answers


def test_censored_at_the_age_of_an_ending_was_at_risk(tables):
    """An open referral as old as another was when it was won halves the curve of each segment."""
    created = LOADED - timedelta(days=5)
    held = warehouse(version("R1", created=created), version("R2", created=created, won=LOADED))
    with holding(tables, held):
        rows = tables.execute(
            "select won_incidence from marts.conversion_curve where day = 5"
        ).fetchall()

    assert [(0.5,)] * 4 == rows


@pytest.mark.parametrize(
    ("status", "dates", "issues"),
    [
        ("Archived", {"archived": LOADED}, []),
        ("Accepted", {}, [("changed_after_terminal",)]),
        ("Won", {"accepted": LOADED}, [("changed_after_terminal",)]),
    ],
)
def test_filing_after_the_end_is_no_issue(tables, status, dates, issues):
    """A referral that is archived once it was won is fine; one that is reopened is not."""
    created = LOADED - timedelta(days=9)
    known = {"created": created, "acknowledged": created, "accepted": created, "won": LOADED}
    held = warehouse(
        version("R1", "Won", until=LOADED + timedelta(days=1), **known),
        version("R1", status, since=LOADED + timedelta(days=1), **known | dates),
        loads=(LOADED + timedelta(days=1),),
    )
    with holding(tables, held):
        rows = tables.execute(
            "select rule from marts.data_quality_issues where rule like 'changed%'"
        ).fetchall()

    assert issues == rows


def test_flow_begins_with_what_has_a_place_in_it(tables):
    """A referral without a creation date is not in the flow, so its early dates do not begin it."""
    early, created = LOADED - timedelta(days=9), LOADED - timedelta(days=1)
    held = warehouse(version("R1", acknowledged=early), version("R2", created=created))
    with holding(tables, held):
        rows = tables.execute("select day, created_count from marts.flow_by_day").fetchall()

    assert [(created.date(), 1), (LOADED.date(), 0)] == rows


def test_period_is_complete_at_the_moment_it_ends(tables):
    """As of midnight the day before is complete, the one that begins is not, nor is the first."""
    midnight = datetime(2024, 6, 1)
    held = warehouse(version("R1", created=datetime(2024, 5, 30, 8)), asked_as_of=midnight)
    with holding(tables, held):
        rows = tables.execute(
            "select cast(period_start as varchar), is_complete from marts.trends "
            "where period = 'day' order by all"
        ).fetchall()

    assert [("2024-05-30", False), ("2024-05-31", True), ("2024-06-01", False)] == rows


def test_date_before_1990_starts_no_calendar(tables):
    """The flow begins with the first date that can be right; what was open by then is open."""
    held = warehouse(
        version("R1", created=datetime(1601, 1, 1)),
        version("R2", created=LOADED - timedelta(days=1)),
    )
    with holding(tables, held):
        rows = tables.execute(
            "select created_count, open_at_start_count from marts.flow_by_day order by day"
        ).fetchall()
        issues = tables.execute(
            "select referral_id, severity from marts.data_quality_issues "
            "where rule = 'date_before_1990'"
        ).fetchall()

    assert [(1, 1), (0, 2)] == rows
    assert [("R1", "error")] == issues


def test_expected_range_is_that_of_an_xmr_chart(tables):
    """Six whole days of 1, 3, 2, 4, 2 and 6 created: 3 on average, 2.2 from one to the next."""
    start = datetime(2024, 5, 1)
    counts = [1, 3, 2, 4, 2, 6, 1]
    versions = [
        version(f"R{day}-{number}", created=start + timedelta(days=day))
        for day, count in enumerate(counts)
        for number in range(count)
    ]
    with holding(tables, warehouse(*versions, asked_as_of=start + timedelta(days=7))):
        rows = tables.execute(
            "select created_expected_low, round(created_expected_high, 9) from marts.trends "
            "where period = 'day' order by period_start"
        ).fetchall()

    assert [(None, None)] * 6 == rows[:6]
    assert (0, round(3 + 2.66 * 2.2, 9)) == rows[6]


def test_year_change_compares_the_same_days(tables):
    """A day is compared with its date a year before, a week with the one 52 weeks before."""
    then, now = datetime(2023, 5, 1), datetime(2024, 4, 29, 12)
    held = warehouse(
        version("R1", created=then),
        *[version(f"S{number}", created=now) for number in range(3)],
        asked_as_of=datetime(2024, 5, 7),
    )
    with holding(tables, held):
        rows = tables.execute(
            "select period, cast(period_start as varchar), created_year_change_rate "
            "from marts.trends where created_year_change_rate is not null order by all"
        ).fetchall()

    assert [
        ("day", "2024-05-01", -1),
        ("month", "2024-05-01", -1),
        ("week", "2024-04-29", 2),
    ] == rows


def test_load_with_a_filter_is_not_fresh(tables):
    """Freshness is that of the newest load without a filter; the other views answer as of both."""
    later = LOADED + timedelta(days=1)
    held = Warehouse(
        [version("R1")],
        [Load(LOADED, True, 1, True), Load(later, True, 9, None, mode="filtered")],
    )
    with holding(tables, held):
        rows = tables.execute(
            "select last_load_at, as_of, server_total, is_reconciled from marts.freshness"
        ).fetchall()

    assert [(LOADED, later, 1, True)] == rows


@pytest.mark.parametrize(
    ("funnel", "expected"),
    [(None, (LOADED, 1)), ("engagements", (LOADED + timedelta(days=1), 9))],
)
def test_freshness_is_that_of_what_the_funnel_counts(tables, funnel, expected):
    """The load and the count of another resource say nothing of it."""
    loads = [
        Load(LOADED + timedelta(days=number), True, total, True, resource=resource)
        for number, (resource, total) in enumerate(
            [("referrals", 1), ("engagements", 9), ("search", 5)]
        )
    ]
    with holding(tables, Warehouse([version("R1")], loads, funnel=funnel)):
        rows = tables.execute("select last_load_at, server_total from marts.freshness").fetchall()

    assert [expected] == rows


def test_funnel_counts_what_was_known(tables):
    """Of a day before the first referral was loaded, the deals answer, as they did then."""
    later = LOADED + timedelta(days=1)
    deals = Deals([DealVersion("d", {"substatus": "Won"}, True, LOADED, None)])
    loads = [Load(each, True, None, None) for each in (LOADED, later)]
    found = []
    for known_at in (LOADED, later):
        held = Warehouse([version("R1", since=later)], loads, known_at=known_at, deals=deals)
        with holding(tables, held):
            found += tables.execute("select source from intermediate.funnel_source").fetchall()

    assert [("engagements",), ("referrals",)] == found


def test_count_of_searches_is_no_count_of_referrals(tables):
    """Where nothing of the funnel is loaded, freshness tells no count of something else."""
    with holding(tables, Warehouse([], [Load(LOADED, True, 5, True, resource="search")])):
        rows = tables.execute(
            "select last_load_at, server_total, is_reconciled from marts.freshness"
        ).fetchall()

    assert [(LOADED, None, None)] == rows


def test_change_that_referrals_do_not_have_is_no_version_of_one(tables):
    """A deal whose value alone changed, and back, has one version in the words of referrals."""
    moments = [LOADED + timedelta(days=number) for number in range(5)]
    stages = [("Pending", 5), ("Received", 7), ("Accepted", 7), ("Accepted", 9), ("Pending", 9)]
    versions = [
        DealVersion("d", {"substatus": substatus, "deal_value": value}, True, since, until)
        for (substatus, value), since, until in zip(
            stages, moments, [*moments[1:], None], strict=True
        )
    ]
    with holding(
        tables, Warehouse([], [Load(moments[-1], True, None, None)], deals=Deals(versions))
    ):
        rows = tables.execute(
            "select status, valid_from, valid_to, changed_fields from marts.referral_history "
            "order by valid_from"
        ).fetchall()

    assert rows == [
        ("New", moments[0], moments[2], None),
        ("Accepted", moments[2], moments[4], "status"),
        ("New", moments[4], None, "status"),
    ]


def test_documented_sample_breached_its_deadline(tables):
    """The reference's own sample, answered after 72 h 31 min, broke the 72 hours."""
    sample = version(
        "112310",
        "Accepted",
        created=datetime(2018, 2, 4, 23, 8, 59),
        acknowledged=datetime(2018, 2, 7, 23, 40, 50),
        accepted=datetime(2018, 2, 7, 23, 43, 19),
    )
    with holding(tables, warehouse(sample)):
        rows = tables.execute("select rule, state from marts.response_sla order by rule").fetchall()

    assert [("recommended_24h", "breached"), ("respond_72h", "breached")] == rows


def test_known_at_brings_a_report_back(tables):
    """With known_at set, a referral shows as the warehouse knew it then, and so do the loads."""
    later = LOADED + timedelta(days=30)
    created = datetime(2024, 5, 1)
    held = warehouse(
        version("R1", "New", created=created, until=later),
        version("R1", "Won", created=created, won=datetime(2024, 5, 20), since=later),
        loads=(LOADED, later),
    )
    with holding(tables, held):
        now = tables.execute("select outcome from marts.referrals").fetchall()
    with holding(tables, replace(held, known_at=LOADED)):
        then = tables.execute(
            "select outcome, last_load_at from marts.referrals cross join marts.freshness"
        ).fetchall()

    assert ([("won",)], [(None, LOADED)]) == (now, then)


def test_undated_win_counts_from_when_it_was_known(tables):
    """A status that says won without a date closes from the first version of its unbroken run."""
    runs = [LOADED + timedelta(days=number) for number in range(5)]
    statuses = ["Won", "New", "Won", "Won"]
    versions = [
        version("R1", status, name=f"name {number}", since=since, until=until)
        for number, (status, since, until) in enumerate(
            zip(statuses, runs, [*runs[1:4], None], strict=False)
        )
    ]
    outcomes = []
    for moment in (runs[2] - timedelta(microseconds=1), runs[2]):
        held = warehouse(*versions, loads=(runs[4],), asked_as_of=moment)
        with holding(tables, held):
            outcomes += tables.execute("select outcome, closed_at from marts.referrals").fetchall()

    assert [(None, None), ("won", None)] == outcomes


def test_competing_endings_hold_the_curve_down(tables):
    """Two lost on day 1, one won on day 2: a third is won, not all that were left."""
    start = datetime(2024, 1, 1)
    endings = [("Lost", 1), ("Lost", 1), ("Won", 2)]
    versions = [
        version(f"R{number}", status, created=start) for number, (status, _) in enumerate(endings)
    ]
    dated = [
        replace(each, dates=each.dates | {status.lower(): start + timedelta(days=age)})
        for each, (status, age) in zip(versions, endings, strict=True)
    ]
    with holding(tables, warehouse(*dated)):
        rows = tables.execute(
            "select day, at_risk_count, round(won_incidence, 9), round(closed_incidence, 9) "
            "from marts.conversion_curve where segment = 'all' and day <= 3 order by day"
        ).fetchall()

    two_thirds = round(2 / 3, 9)
    assert [
        (0, 3, 0, 0),
        (1, 3, 0, two_thirds),
        (2, 1, round(1 / 3, 9), 1),
        (3, 0, round(1 / 3, 9), 1),
    ] == rows


@pytest.mark.slow
def test_incidence_agrees_with_lifelines(tables):
    """The curve is lifelines' Aalen-Johansen estimate to 1e-6, won and closed, on 300 referrals."""
    chance = random.Random(7)
    versions = []
    for number in range(300):
        age = timedelta(days=chance.uniform(0, 500))
        created = LOADED - timedelta(days=chance.uniform(0, 500))
        name = chance.choice(["won", "lost", "declined", "archived"])
        dates = {name: created + age} if created + age <= LOADED else {}
        versions.append(version(f"R{number}", created=created, **dates))
    held = warehouse(*versions)
    with holding(tables, held):
        rows = tables.execute(
            "select day, won_incidence, closed_incidence from marts.conversion_curve "
            "where segment = 'all' order by day"
        ).fetchall()

    won, closed = lifelines_incidences(versions)
    assert [won(day) for day, _, _ in rows] == pytest.approx([row[1] for row in rows], abs=1e-6)
    assert [closed(day) for day, _, _ in rows] == pytest.approx([row[2] for row in rows], abs=1e-6)


def lifelines_incidences(versions):
    """lifelines' cumulative incidence of won, and of any ending, as functions of the day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas deprecates what lifelines uses
        from lifelines import AalenJohansenFitter

        ages, events = [], []
        for each in versions:
            created = each.dates["created"]
            ended = [(day, name) for name, day in each.dates.items() if day and name != "created"]
            end, name = ended[0] if ended else (LOADED, None)
            ages.append((end - created) / timedelta(days=1))
            events.append({None: 0, "won": 1}.get(name, 2))
        curves = []
        for coded in (events, [min(event, 1) for event in events]):
            fitter = AalenJohansenFitter(calculate_variance=False).fit(ages, coded, 1)
            curve = fitter.cumulative_density_.iloc[:, 0]
            curves.append(lambda day, curve=curve: float(curve[curve.index <= day].iloc[-1]))
    return curves
