"""The DDL of the views for other engines: whole, in order, and told where it cannot be made."""

import re
from datetime import datetime

import duckdb
import pytest
import sqlglot

from partner_referrals.errors import UsageError
from partner_referrals.warehouse.dialects import TESTED, view_ddl
from partner_referrals.warehouse.view_settings import ViewSettings
from partner_referrals.warehouse.views import SQL, explained_views
from support.views import TABLES

DEFINITIONS = {each.qualified_name: each for each in explained_views()}


def carried(dialect):
    """The names of the views that an engine gets: on Spark, none of the forecasts."""
    names = list(DEFINITIONS)
    if dialect == "spark":
        return [name for name in names if ".forecast" not in name]
    return names


def created(statements):
    """The views that statements make, in their order."""
    return [found[1] for each in statements if (found := re.match(r"create view (\S+)", each))]


@pytest.mark.parametrize("dialect", TESTED)
def test_ddl_makes_every_view_after_those_it_reads(dialect):
    """Each view is made once, and only when everything that it reads is there."""
    made = created(view_ddl(dialect))

    assert ["settings.sla_rules", "settings.fx_rates", "settings.funnel", *carried(dialect)] == made
    for position, name in enumerate(made[3:], start=3):
        read = {each for each in DEFINITIONS[name].dependencies if each in DEFINITIONS}
        assert read <= set(made[:position])


@pytest.mark.parametrize("dialect", TESTED)
def test_ddl_carries_every_comment(dialect):
    """What a file says of its view and of each column stands in the DDL."""
    ddl = "\n".join(view_ddl(dialect))

    for name in carried(dialect):
        for meaning in DEFINITIONS[name].columns.values():
            assert meaning.partition("'")[0] in ddl


@pytest.mark.parametrize("dialect", TESTED)
def test_ddl_parses_in_its_dialect(dialect):
    """sqlglot, which wrote the queries, also reads them in the other dialect."""
    for statement in view_ddl(dialect):
        (parsed,) = sqlglot.parse(statement, read=dialect)
        assert parsed


@pytest.mark.parametrize("dialect", TESTED)
def test_nothing_of_duckdb_is_left(dialect):
    """What only DuckDB knows is carried over or stands in a file of the other engine."""
    assert [] == re.findall(
        r"getvariable|quantile|epoch_us|unnest|percentile_approx|date_diff\(",
        "\n".join(view_ddl(dialect)),
        re.IGNORECASE,
    )


@pytest.mark.slow
def test_ddl_for_duckdb_runs_top_to_bottom_and_again(tmp_path):
    """The dialect of the files themselves comes out as DDL too, and running it twice is no harm."""
    with duckdb.connect(tmp_path / "referrals.duckdb") as connection:
        connection.execute("create schema partner_center")
        for name, columns in TABLES.items():
            connection.execute(f"create table partner_center.{name} ({columns})")
        for statement in view_ddl("duckdb") * 2:
            connection.execute(statement)

        assert [(0,)] == connection.execute("select count(*) from marts.referrals").fetchall()


@pytest.mark.slow
def test_columns_are_explained_in_their_order(tmp_path):
    """Spark takes a view's column names from its comments, so these follow the select."""
    with duckdb.connect(tmp_path / "referrals.duckdb") as connection:
        connection.execute("create schema partner_center")
        for name, columns in TABLES.items():
            connection.execute(f"create table partner_center.{name} ({columns})")
        for statement in view_ddl("duckdb"):
            connection.execute(statement)
        selected = {
            name: [row[0] for row in connection.execute(f"describe {name}").fetchall()]
            for name in DEFINITIONS
        }

    assert {name: list(each.columns) for name, each in DEFINITIONS.items()} == selected


def test_own_sla_rules_are_in_the_ddl(tmp_path):
    """The deadlines of the user's own file go along, whatever their names hold."""
    rules = tmp_path / "rules.csv"
    rules.write_text("rule,applies_from,applies_to,limit_hours\nWe don't wait,2026-01-01,,4\n")
    with duckdb.connect() as connection:
        connection.execute("create schema settings")
        (made,) = [
            each
            for each in view_ddl("duckdb", ViewSettings(rules))
            if " settings.sla_rules as" in each
        ]
        connection.execute(made)

        assert [("We don't wait", datetime(2026, 1, 1), None, 4)] == connection.execute(
            "from settings.sla_rules"
        ).fetchall()


def test_no_sla_rules_are_no_rows(tmp_path):
    """Who wants no deadlines gives a file with its first line only."""
    rules = tmp_path / "rules.csv"
    rules.write_text("rule,applies_from,applies_to,limit_hours\n")
    with duckdb.connect() as connection:
        connection.execute("create schema settings")
        (made,) = [
            each
            for each in view_ddl("duckdb", ViewSettings(rules))
            if " settings.sla_rules as" in each
        ]
        connection.execute(made)

        assert [] == connection.execute("from settings.sla_rules").fetchall()


def test_kin_of_an_engine_gets_its_files():
    """Redshift descends from PostgreSQL, Databricks from Spark; others get the plain view."""
    asked = {
        dialect: "\n".join(view_ddl(dialect)) for dialect in ("redshift", "databricks", "snowflake")
    }

    assert "CURRENT_SETTING" in asked["redshift"].upper()
    assert "TIMESTAMP_NTZ" in asked["databricks"]
    assert "GETVARIABLE" not in asked["snowflake"].upper()


def test_every_file_for_another_engine_has_a_view():
    """No file of an engine is left over after its view is gone."""
    views = {(each.schema, each.name) for each in DEFINITIONS.values()}
    others = [path for path in SQL.rglob("*.sql") if "." in path.stem]

    assert {(path.parent.name, path.stem.partition(".")[0]) for path in others} <= views


def test_command_prints_the_ddl(referrals):
    """`referrals views --dialect` needs no warehouse and writes to stdout alone."""
    code, out, err = referrals("views", "--dialect", "postgres")

    assert (0, "") == (code, err)
    assert out.startswith("create schema if not exists settings;\n")
    assert len(DEFINITIONS) + 3 == out.count("\ncreate view ")


def test_unknown_dialect_is_told(referrals):
    """A misspelt engine ends with exit 2 and one sentence that names the choices."""
    code, out, err = referrals("views", "--dialect", "postgress")

    assert (2, "") == (code, out)
    assert "no dialect 'postgress'" in err
    assert "Tested are postgres and spark" in err


def test_bad_sla_rules_are_told(tmp_path):
    """The user's own deadlines are checked here as they are at a refresh."""
    with pytest.raises(UsageError, match="nowhere"):
        view_ddl("postgres", ViewSettings(sla_rules=tmp_path / "nowhere.csv"))
