"""The views are made as a whole, in order, with comments, or not at all."""

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from partner_referrals.errors import UsageError, WarehouseFailed
from partner_referrals.warehouse.view_settings import ViewSettings
from partner_referrals.warehouse.views import SQL, refresh_views, view_definitions
from support.views import make_warehouse

DEFINITIONS = {each.qualified_name: each for each in view_definitions()}
# Which schemas the views of a schema may read.
LAYERS = {
    "staging": {"partner_center", "settings"},
    "intermediate": {"staging", "intermediate"},
    "marts": {"staging", "intermediate"},
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_warehouse(tmp_path_factory.mktemp("views") / "template.duckdb")


@pytest.fixture
def path(template, tmp_path):
    return shutil.copy(template, tmp_path / "referrals.duckdb")


@pytest.fixture
def warehouse(path):
    with duckdb.connect(path) as connection:
        yield connection


@pytest.fixture
def folder(tmp_path):
    """A copy of the SQL that a test may spoil."""
    return Path(shutil.copytree(SQL, tmp_path / "sql"))


def view_names(connection):
    rows = connection.execute(
        "select schema_name || '.' || view_name from duckdb_views() where not internal"
    ).fetchall()
    return {name for (name,) in rows}


def test_explained_columns_are_columns(warehouse):
    """The Columns block of a file explains columns of the view, in their order."""
    for name, definition in DEFINITIONS.items():
        columns = [row[0] for row in warehouse.execute(f"describe {name}").fetchall()]
        explained = [column for column in columns if column in definition.columns]
        assert explained == list(definition.columns)


def test_column_keeps_the_comment_of_what_it_is_read_from(warehouse):
    """What one file of staging explains is explained wherever the column goes from there."""
    rows = warehouse.execute(
        "select distinct comment from duckdb_columns() "
        "where column_name = 'customer_name' and schema_name <> 'partner_center'"
    ).fetchall()

    assert [("the customer's company",)] == rows


@pytest.mark.parametrize("name", DEFINITIONS)
def test_contract_names_grain_and_questions(name):
    """The first comment of a file says what a row is, and what the view answers."""
    lines = DEFINITIONS[name].comment.splitlines()

    assert ["Grain: one row", "Answers: "] == [lines[1][:14], lines[2][:9]]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_comment_is_without_its_dashes(name):
    """A comment of several paragraphs is told as one text, without the marks of SQL."""
    assert "--" not in DEFINITIONS[name].comment


def test_view_comes_after_what_it_reads():
    """The definitions are in an order in which they can be created."""
    names = list(DEFINITIONS)
    for position, name in enumerate(names):
        read = DEFINITIONS[name].dependencies & DEFINITIONS.keys()
        assert read <= set(names[:position])


@pytest.mark.parametrize("name", DEFINITIONS)
def test_view_reads_only_layers_below(name):
    """Only staging reads the base tables; a mart reads no other mart."""
    definition = DEFINITIONS[name]
    read = {dependency.partition(".")[0] for dependency in definition.dependencies}

    assert read <= LAYERS[definition.schema]


@pytest.mark.parametrize(
    ("construct", "view"),
    [
        ("getvariable", {"asked_moments"}),
        (
            "generate_series",
            {
                "daily_flow",
                "curve_days",
                "deal_months",
                "deal_rates",
                "forecast_moments",
                "dates",
            },
        ),
        ("quantile", {"duration_percentiles", "deal_counts"}),
        ("date_diff", {"referral_durations", "open_ages", "deal_outcomes", "forecast_items"}),
    ],
)
def test_construct_that_other_engines_lack_has_its_own_view(construct, view):
    """A port to another engine replaces a handful of small views."""
    assert view == {each.name for each in DEFINITIONS.values() if construct in each.sql}


def test_refresh_makes_every_file_a_view(warehouse):
    """As many views as files for DuckDB, and no other."""
    files = [path for path in SQL.rglob("*.sql") if "." not in path.stem]

    assert len(files) == refresh_views(warehouse)
    assert set(DEFINITIONS) == view_names(warehouse)


def test_comments_survive_a_second_refresh(warehouse):
    """Every view and every column is commented in the database, though replacing drops that."""
    refresh_views(warehouse)

    bare = warehouse.execute(
        "select view_name from duckdb_views() where not internal and comment is null "
        "union all select table_name || '.' || column_name from duckdb_columns() "
        "where schema_name in ('staging', 'intermediate', 'marts') and comment is null"
    ).fetchall()
    assert [] == bare


def test_comment_keeps_a_quote(warehouse):
    """An apostrophe in a comment arrives as it was written."""
    rows = warehouse.execute(
        "select comment from duckdb_columns() "
        "where table_name = 'referrals' and schema_name = 'marts' and column_name = 'customer_name'"
    ).fetchall()

    assert [("the customer's company",)] == rows


def test_view_without_a_file_goes(warehouse, folder):
    """A view whose file is gone is gone after the refresh."""
    (folder / "marts" / "trends.sql").unlink()
    refresh_views(warehouse, folder=folder)

    assert set(DEFINITIONS) - {"marts.trends"} == view_names(warehouse)


def test_view_of_the_user_stays(warehouse):
    """Views in other schemas are none of our business."""
    warehouse.execute("create schema mine; create view mine.wins as select 1 as one")
    refresh_views(warehouse)

    assert "mine.wins" in view_names(warehouse)


@pytest.mark.parametrize("broken", ["select nothing from nowhere", "selekt 1", ""])
def test_broken_file_leaves_the_old_set(warehouse, folder, broken):
    """A file that cannot be a view fails the refresh, and rolling back brings all views back."""
    (folder / "marts" / "trends.sql").write_text(broken)
    before = warehouse.execute("select view_name, sql, comment from duckdb_views()").fetchall()
    warehouse.execute("begin")
    with pytest.raises(WarehouseFailed, match=r"sql/marts/trends\.sql"):
        refresh_views(warehouse, folder=folder)
    warehouse.execute("rollback")

    assert (
        before == warehouse.execute("select view_name, sql, comment from duckdb_views()").fetchall()
    )
    assert [] == warehouse.execute("select * from marts.trends").fetchall()


def test_views_as_they_should_be_are_left_alone(warehouse):
    """A refresh of a file opened again makes none anew: each keeps its place in the catalogue."""
    numbers = "select view_name, view_oid from duckdb_views() order by all"
    before = warehouse.execute(numbers).fetchall()

    refresh_views(warehouse)

    assert before == warehouse.execute(numbers).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize(
    "meddle",
    [
        "create or replace view marts.trends as select 1 as one",
        "comment on view marts.trends is 'mine'",
        "drop view marts.trends",
        "delete from settings.made_views",
    ],
)
def test_view_changed_by_hand_is_made_anew(warehouse, meddle):
    """Whatever somebody did to a view, the next refresh brings the file's back."""
    refresh_views(warehouse)
    before = warehouse.execute("select sql, comment from duckdb_views() order by all").fetchall()
    warehouse.execute(meddle)

    refresh_views(warehouse)

    after = warehouse.execute("select sql, comment from duckdb_views() order by all").fetchall()
    assert before == after


def test_missing_base_table_is_told(warehouse):
    """A warehouse without a table that staging reads gets a sentence, not a traceback."""
    warehouse.execute("drop table partner_center.load_runs")
    warehouse.execute("drop view marts.trends")

    with pytest.raises(WarehouseFailed, match=r"sql/staging/load_runs\.sql.*load_runs does not"):
        refresh_views(warehouse)


def sla_rules(connection):
    return connection.execute("select * from settings.sla_rules order by rule").fetchall()


def test_own_sla_rules_replace_the_shipped_ones(warehouse, tmp_path):
    """A user's file is taken instead; offsets become UTC, nothing means no bound."""
    path = tmp_path / "rules.csv"
    path.write_text("rule,applies_from,applies_to,limit_hours\nours,2024-01-01T00:00:00+02:00,,8\n")
    refresh_views(warehouse, ViewSettings(sla_rules=path))
    rows = sla_rules(warehouse)

    assert [("ours", "2023-12-31 22:00:00", "None", 8)] == [
        (rule, str(start), str(end), hours) for rule, start, end, hours in rows
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "first line"),
        ("rule;applies_from;applies_to;limit_hours\n", "first line"),
        (
            "rule,applies_from,applies_to,limit_hours\nours,,,soon\n",
            "line 2: limit_hours is 'soon'",
        ),
        ("rule,applies_from,applies_to,limit_hours\nours,,,0\n", "between 1 and 876000"),
        ("rule,applies_from,applies_to,limit_hours\n,,,24\n", "needs a rule"),
        (
            "rule,applies_from,applies_to,limit_hours\nours,1.2.2024,,24\n",
            "from is '1.2.2024', not",
        ),
        ("rule,applies_from,applies_to,limit_hours\nours,,9999-12-31T23-09,24\n", "applies_to is"),
        ("rule,applies_from,applies_to,limit_hours\n\udcff,,,24\n", "is not UTF-8 text (byte 41)"),
        ('rule,applies_from,applies_to,limit_hours\n"' + "x" * 200_000, "quote is not closed"),
        ("rule,applies_from,applies_to,limit_hours\nours,,24\n", "4 values"),
        ("rule,applies_from,applies_to,limit_hours\nours,,,24,\n", "4 values"),
        ("rule,applies_from,applies_to,limit_hours\nours,,,24\nours,,,48\n", "two lines of ours"),
    ],
)
def test_bad_sla_rules_are_told(warehouse, tmp_path, text, reason):
    """A file that cannot be used is refused before anything is touched, with file and reason."""
    rules = tmp_path / "rules.csv"
    rules.write_text(text, errors="surrogateescape")

    with pytest.raises(UsageError, match=f"rules.csv.*{re.escape(reason)}"):
        refresh_views(warehouse, ViewSettings(sla_rules=rules))
    assert 3 == len(sla_rules(warehouse))


def test_missing_sla_rules_are_told(warehouse, tmp_path):
    """A file that is not there is refused, not replaced by the shipped rules."""
    with pytest.raises(UsageError, match=r"none\.csv cannot be used: No such file or directory\."):
        refresh_views(warehouse, ViewSettings(sla_rules=tmp_path / "none.csv"))


def test_moment_is_chosen_on_a_read_only_connection(path):
    """A reader asks as of another moment by a session variable, without writing."""
    with duckdb.connect(path, read_only=True) as reader:
        reader.execute("set variable as_of = date '2024-05-01'")
        rows = reader.execute("select cast(as_of as varchar) from intermediate.moments").fetchall()

    assert [("2024-05-01 00:00:00",)] == rows


def test_views_of_others_stay(warehouse):
    """An analyst's own view in one of our schemas outlives a refresh that makes ours anew."""
    warehouse.execute("create view marts.mine as select count(*) as n from marts.referrals")
    warehouse.execute("delete from settings.made_views")

    refresh_views(warehouse)

    assert [(0,)] == warehouse.execute("select n from marts.mine").fetchall()


def test_view_of_others_with_a_name_of_ours_is_told(warehouse):
    """It is not replaced without a word."""
    warehouse.execute("drop view marts.trends")
    warehouse.execute("create view marts.trends as select 1 as mine")
    warehouse.execute("delete from settings.made_view_names where qualified_name = 'marts.trends'")
    warehouse.execute("delete from settings.made_views")

    with pytest.raises(WarehouseFailed, match=r"marts\.trends .* was not made by this program"):
        refresh_views(warehouse)
