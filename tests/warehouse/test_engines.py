"""Every mart answers on PostgreSQL and on Spark what it answers on DuckDB."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb
import psycopg2
import psycopg2.extras
import pytest

from partner_referrals.publish.publish import publish
from partner_referrals.warehouse.dialects import view_ddl
from support.documents import SUPPORT
from support.engines import make_spark, run_script, run_statements, running_postgres
from support.oracle import Load, Warehouse
from support.views import (
    CROWDED,
    GRAINS,
    LOADS,
    START,
    TABLES,
    assert_same,
    holding,
    make_warehouse,
    read,
)

# Where an engine cannot be started these fail and name the Debian package; they do not skip.
pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

CROWD = replace(
    CROWDED["now"],
    loads=[*(Load(moment, True, 300, None) for moment in LOADS), Load(LOADS[-1], False, 7, True)],
    rejected_at=[START, LOADS[2]],
)
# The same referrals at each moment; "too early" is before any of them, where the tables look empty.
ASKS: dict[str, dict[str, datetime]] = {
    "now": {},
    "known at": {"known_at": LOADS[1]},
    "as of": {"asked_as_of": CROWDED["as of"].asked_as_of, "known_at": LOADS[2]},
    "too early": {"asked_as_of": datetime(1999, 1, 1), "known_at": datetime(1999, 1, 1)},
}


# Spark plans for seconds where the others answer in one; a part of the moments has to do.
SPARK_MARTS = [mart for mart in GRAINS if not mart.startswith("forecast")]
SPARK_ASKS = {
    "now": SPARK_MARTS,
    "as of": SPARK_MARTS,
    "known at": ["referrals", "referral_history", "freshness"],
    "too early": ["funnel_stages", "win_rates", "stage_durations", "flow_by_day", "freshness"],
}


def asked(label: str) -> Warehouse:
    return replace(CROWD, **ASKS[label])


@pytest.fixture(scope="module")
def warehouse_file(tmp_path_factory):
    """A warehouse that holds the crowd, and every view."""
    path = make_warehouse(tmp_path_factory.mktemp("duckdb") / "referrals.duckdb")
    with duckdb.connect(path) as connection:
        with holding(connection, CROWD):
            connection.execute("commit")
            connection.execute("begin")
    return path


@pytest.fixture(scope="module")
def duckdb_answers(warehouse_file):
    """Each mart's rows at each moment, and those of each base table."""
    answers: dict[Any, Any] = {}
    with duckdb.connect(warehouse_file, read_only=True) as connection:
        for table in TABLES:
            answers[table] = connection.execute(f"from partner_center.{table}").fetchall()
        for label in ASKS:
            connection.execute("set variable as_of = $1", [asked(label).asked_as_of])
            connection.execute("set variable known_at = $1", [asked(label).known_at])
            for mart in GRAINS:
                answers[label, mart] = read(connection, mart)
    return answers


@pytest.fixture(scope="module")
def postgres(duckdb_answers):
    """A connection to a PostgreSQL with the same base tables, and the views."""
    with running_postgres() as address:
        base = ["create schema partner_center"]
        base += [f"create table partner_center.{name} ({cols})" for name, cols in TABLES.items()]
        # Twice, since whoever updates the views runs the same again.
        run_statements(f"{address}/postgres", base + view_ddl("postgres") * 2)
        connection = psycopg2.connect(f"{address}/postgres")
        with connection.cursor() as cursor:
            for table in TABLES:
                if rows := duckdb_answers[table]:
                    psycopg2.extras.execute_values(
                        cursor, f"insert into partner_center.{table} values %s", rows
                    )
        connection.commit()
        yield connection
        connection.close()


@pytest.fixture(scope="module")
def spark_answers(tmp_path_factory, warehouse_file):
    """The directory where Spark wrote each mart's rows at each moment, read from a publish."""
    published = tmp_path_factory.mktemp("published")
    publish(warehouse_file, published)
    answers = tmp_path_factory.mktemp("answers")
    run_script(
        make_spark(tmp_path_factory.mktemp("spark") / "environment"),
        SUPPORT / "spark_answers.py",
        {
            "published": str(published),
            "statements": view_ddl("spark"),
            "asks": {
                label: {
                    "as_of": _text(asked(label).asked_as_of),
                    "known_at": _text(asked(label).known_at),
                    "marts": marts,
                }
                for label, marts in SPARK_ASKS.items()
            },
            # Whoever reads does so in another time zone than the views were made in.
            "zone": "America/New_York",
            "answers": str(answers),
        },
    )
    return answers


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else str(moment)


def read_postgres(connection, mart: str, warehouse: Warehouse) -> list[dict[str, Any]]:
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("set time zone 'America/New_York'")
        for name, moment in (("as_of", warehouse.asked_as_of), ("known_at", warehouse.known_at)):
            cursor.execute(
                "select set_config(%s, %s, false)", [f"referrals.{name}", str(moment or "")]
            )
        cursor.execute(f"select * from marts.{mart}")
        return [dict(row) for row in cursor.fetchall()]


@pytest.mark.parametrize("label", ASKS)
@pytest.mark.parametrize("mart", GRAINS)
def test_postgres_answers_like_duckdb(duckdb_answers, postgres, mart, label):
    """Every row of a mart is the same on PostgreSQL, floats to nine digits, at each moment."""
    assert_same(duckdb_answers[label, mart], read_postgres(postgres, mart, asked(label)), mart)


def test_postgres_explains_every_column(postgres):
    """Whoever looks at a view there finds the same descriptions as in DuckDB."""
    with postgres.cursor() as cursor:
        cursor.execute(
            "select count(*), count(col_description(attrelid, attnum)) from pg_attribute "
            "join pg_class on pg_class.oid = attrelid "
            "where relnamespace in ('marts'::regnamespace, 'intermediate'::regnamespace)"
        )
        ((all_count, explained_count),) = cursor.fetchall()

    assert all_count == explained_count


@pytest.mark.parametrize(
    ("label", "mart"), [(label, mart) for label, marts in SPARK_ASKS.items() for mart in marts]
)
def test_spark_answers_like_duckdb(duckdb_answers, spark_answers, mart, label):
    """Every row of a mart is the same on Spark, floats to nine digits, at each moment."""
    relation = duckdb.sql(f"from read_parquet('{spark_answers / label / mart}/*.parquet')")
    rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]

    assert_same(duckdb_answers[label, mart], rows, mart)
