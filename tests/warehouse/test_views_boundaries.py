"""What lies exactly on a boundary falls on the side that the contract says."""

from datetime import datetime, timedelta

import duckdb
import pytest

from support.oracle import MILESTONES
from support.views import LOADED, holding, make_warehouse, version, warehouse

CREATED = datetime(2024, 1, 10, 8)
NOISE = timedelta(seconds=60)
INSTANT = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Asks a warehouse that holds just these versions; moments are keywords."""
    path = make_warehouse(tmp_path_factory.mktemp("views") / "referrals.duckdb")
    with duckdb.connect(path) as connection:

        def answer(sql, *versions, **asked):
            with holding(connection, warehouse(*versions, **asked)):
                return connection.execute(sql).fetchall()

        yield answer


@pytest.mark.parametrize(
    ("known_at", "statuses"),
    [
        (LOADED - INSTANT, []),
        (LOADED, [("New",)]),
        (LOADED + timedelta(days=1) - INSTANT, [("New",)]),
        (LOADED + timedelta(days=1), [("Won",)]),
    ],
)
def test_version_answers_from_its_first_moment_to_the_next_ones(ask, known_at, statuses):
    """Known at the moment that a version begins, that one answers; before it, its predecessor."""
    later = LOADED + timedelta(days=1)
    versions = [version("R1", "New", until=later), version("R1", "Won", since=later)]
    moments = {"known_at": known_at, "asked_as_of": later}

    assert statuses == ask("select status from marts.referrals", *versions, **moments)


@pytest.mark.parametrize("known_at", [LOADED, LOADED - INSTANT])
def test_load_is_known_from_its_end_on(ask, known_at):
    """Known at the very moment that a load ended, it is the last one."""
    expected = LOADED if known_at == LOADED else None

    rows = ask("select last_load_at from marts.freshness", known_at=known_at)

    assert [(expected,)] == rows


def test_reject_is_known_from_its_moment_on(ask):
    """Known at the very moment that a record was set aside, it counts; an instant later one not."""
    rows = ask(
        "select rejected_count from marts.freshness",
        rejected_at=[LOADED, LOADED + INSTANT],
        known_at=LOADED,
    )

    assert [(1,)] == rows


@pytest.mark.parametrize("days", [7, 14, 30, 60, 90])
def test_win_at_the_end_of_a_window_is_within_it(ask, days):
    """Won after exactly so many days counts, an instant later does not."""
    end = CREATED + timedelta(days=days)
    rows = ask(
        f"select won_within_{days}_days_rate from marts.funnel_cohorts where segment = 'all'",
        version("R1", created=CREATED, won=end),
        version("R2", created=CREATED, won=end + INSTANT),
    )

    assert [(0.5,)] == rows


@pytest.mark.parametrize("days", [7, 14, 30, 60, 90])
def test_cohort_is_mature_at_the_end_of_its_window(ask, days):
    """The rate is there from the moment on at which the window has passed for the whole month."""
    end = datetime(2024, 2, 1) + timedelta(days=days)
    rates = [
        ask(
            f"select won_within_{days}_days_rate from marts.funnel_cohorts where segment = 'all'",
            version("R1", created=CREATED),
            asked_as_of=moment,
        )
        for moment in (end - INSTANT, end)
    ]

    assert [[(None,)], [(0,)]] == rates


def test_win_at_the_end_of_the_curve_is_on_it(ask):
    """Won after exactly 365 days shows on day 365, and not before; so does the closing."""
    created = LOADED - timedelta(days=400)
    rows = ask(
        "select day, won_incidence, closed_incidence from marts.conversion_curve "
        "where segment = 'all' and day >= 364 order by day",
        version("R1", created=created, won=created + timedelta(days=365)),
    )

    assert [(364, 0, 0), (365, 1, 1)] == rows


def test_open_at_the_end_of_the_curve_is_not_closed(ask):
    """Referrals that have been open for exactly 365 days are at risk on day 365, none closed."""
    created = LOADED - timedelta(days=365)
    rows = ask(
        "select at_risk_count, closed_incidence from marts.conversion_curve "
        "where segment = 'all' and day = 365",
        version("R1", created=created),
        version("R2", created=created),
    )

    assert [(2, 0)] == rows


@pytest.mark.parametrize(
    ("rule", "earlier", "later"),
    [
        ("accepted_before_acknowledged", "accepted", "acknowledged"),
        ("terminal_before_accepted", "won", "accepted"),
        *[("milestone_before_creation", name, "created") for name in MILESTONES[1:]],
    ],
)
def test_clocks_may_differ_by_a_minute(ask, rule, earlier, later):
    """Sixty seconds in the wrong order are noise, an instant more is an issue."""
    rows = ask(
        f"select referral_id from marts.data_quality_issues where rule = '{rule}'",
        version("R1", **{later: CREATED, earlier: CREATED - NOISE}),
        version("R2", **{later: CREATED, earlier: CREATED - NOISE - INSTANT}),
    )

    assert [("R2",)] == rows


@pytest.mark.parametrize("name", MILESTONES)
def test_clock_of_the_source_may_be_a_minute_ahead(ask, name):
    """Sixty seconds after the load are noise, an instant more lies in the future."""
    rows = ask(
        "select referral_id from marts.data_quality_issues where rule = 'date_in_the_future'",
        version("R1", **{name: LOADED + NOISE}),
        version("R2", **{name: LOADED + NOISE + INSTANT}),
    )

    assert [("R2",)] == rows


@pytest.mark.parametrize("name", MILESTONES[1:])
def test_details_name_only_what_precedes_creation(ask, name):
    """A date within the minute is not named beside one that is too early."""
    other = "won" if name == "archived" else "archived"
    dates = {"created": CREATED, name: CREATED - NOISE, other: CREATED - NOISE - INSTANT}
    ((details,),) = ask(
        "select details from marts.data_quality_issues where rule = 'milestone_before_creation'",
        version("R1", **dates),
    )

    assert details.endswith(f": {other}_at.")


@pytest.mark.parametrize("name", MILESTONES)
def test_details_name_only_what_lies_in_the_future(ask, name):
    """A date within the minute is not named beside one that is too late."""
    other = "won" if name == "archived" else "archived"
    ((details,),) = ask(
        "select details from marts.data_quality_issues where rule = 'date_in_the_future'",
        version("R1", **{name: LOADED + NOISE, other: LOADED + NOISE + INSTANT}),
    )

    assert details.endswith(f": {other}_at.")


def test_no_time_between_two_dates_is_a_duration(ask):
    """Where all dates are one moment, every step has a duration, of 0 days."""
    rows = ask(
        "select distinct referral_count, mean_days from marts.stage_durations "
        "where segment = 'all'",
        version("R1", **dict.fromkeys(MILESTONES, CREATED)),
    )

    assert [(1, 0)] == rows


def test_stages_at_one_moment_are_in_order(ask):
    """Ties pass: responded, accepted and won at the moment of creation is strict."""
    dates = dict.fromkeys(("created", "acknowledged", "accepted", "won"), CREATED)
    rows = ask(
        "select distinct strict_count from marts.funnel_stages where segment = 'all'",
        version("R1", **dates),
    )

    assert [(1,)] == rows


@pytest.mark.parametrize("sign", [-1, 1])
def test_accepted_within_a_minute_is_at_creation(ask, sign):
    """Sixty seconds before or after creation are at creation, an instant more is not."""
    rows = ask(
        "select is_accepted_at_creation from marts.referrals order by referral_id",
        version("R1", created=CREATED, accepted=CREATED + sign * NOISE),
        version("R2", created=CREATED, accepted=CREATED + sign * (NOISE + INSTANT)),
    )

    assert [(True,), (False,)] == rows


def test_response_at_creation_is_in_time(ask):
    """Acknowledged up to 60 s before creation is a response, an instant earlier is a mistake."""
    rows = ask(
        "select distinct referral_id, state from marts.response_sla",
        version("R1", created=CREATED, acknowledged=CREATED - timedelta(seconds=60)),
        version("R2", created=CREATED, acknowledged=CREATED - timedelta(seconds=60) - INSTANT),
    )

    assert [("R1", "met")] == rows


def test_response_at_the_deadline_is_in_time(ask):
    """Acknowledged at the moment that is due meets the rule, an instant later breaks it."""
    due_at = CREATED + timedelta(hours=24)
    rows = ask(
        "select state from marts.response_sla where rule = 'recommended_24h' order by referral_id",
        version("R1", created=CREATED, acknowledged=due_at),
        version("R2", created=CREATED, acknowledged=due_at + INSTANT),
    )

    assert [("met",), ("breached",)] == rows


def test_deadline_runs_to_its_last_moment(ask):
    """Unanswered as of the moment that is due is pending, an instant later it is breached."""
    due_at = CREATED + timedelta(hours=24)
    states = [
        ask(
            "select state from marts.response_sla where rule = 'recommended_24h'",
            version("R1", created=CREATED),
            asked_as_of=moment,
        )
        for moment in (due_at, due_at + INSTANT)
    ]

    assert [[("pending",)], [("breached",)]] == states


def test_rule_applies_from_its_first_moment_on(ask):
    """The process of 2019 covers what was created at its very start, the old one what was not."""
    start = datetime(2019, 1, 17)
    rows = ask(
        "select referral_id, rule from marts.response_sla where rule <> 'recommended_24h' "
        "order by referral_id",
        version("R1", created=start - INSTANT),
        version("R2", created=start),
    )

    assert [("R1", "respond_72h"), ("R2", "respond_14d")] == rows


def test_expiry_changes_with_the_process(ask):
    """Created at the very start of 2019's process: 14 days; an instant earlier: 72 hours."""
    start = datetime(2019, 1, 17)
    rows = ask(
        "select expires_at from marts.open_referrals order by referral_id",
        version("R1", created=start - INSTANT),
        version("R2", created=start),
    )

    assert [
        (start - INSTANT + timedelta(hours=72),),
        (start + timedelta(days=14),),
    ] == rows


def test_status_decides_from_the_moment_of_its_date_on(ask):
    """As of the moment of two endings the one that the status names counts, not the first."""
    rows = ask(
        "select outcome from marts.referrals",
        version("R1", "Lost", created=CREATED, won=CREATED, lost=LOADED),
        asked_as_of=LOADED,
    )

    assert [("lost",)] == rows


@pytest.mark.parametrize("name", MILESTONES)
def test_milestone_at_the_end_of_the_load_is_activity(ask, name):
    """A date at the very moment that the load ended is the newest, not one in the future."""
    rows = ask(
        "select last_activity_at from marts.freshness",
        version("R1", **{name: LOADED}),
        version("R2", **{name: LOADED + INSTANT}),
    )

    assert [(LOADED,)] == rows
