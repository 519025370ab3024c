"""The questions of the documentation can be asked as they stand, and have answers."""

from datetime import datetime, timedelta

import duckdb
import pytest

from partner_center_sandbox import Sandbox
from partner_referrals.warehouse.query import query
from partner_referrals.warehouse.views import view_definitions
from support.documents import ROOT, blocks
from support.loads import load_from
from support.records import NOW
from support.views import CROWDED, holding, insert_deals, make_warehouse, version
from support.views import warehouse as warehouse_of

pytestmark = pytest.mark.slow

MARTS = sorted(each.name for each in view_definitions() if each.schema == "marts")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """Generated referrals, loaded on two days, and deals made up at random."""
    path = tmp_path_factory.mktemp("questions") / "referrals.duckdb"
    with Sandbox(count=1_000, now=NOW) as sandbox:
        load_from(sandbox, path)
        sandbox.next_day()
        load_from(sandbox, path)
    with duckdb.connect(path) as connection:
        insert_deals(connection, CROWDED["now"].deals)
    return path


@pytest.mark.parametrize("mart", MARTS)
def test_question_has_an_answer(warehouse, mart):
    """The one query below the name of a view reads that view, and returns rows."""
    (sql,) = blocks("docs/questions.md", "sql", heading=mart)

    assert f"from marts.{mart}" in sql
    assert query(warehouse, sql).num_rows > 0


def test_open_referrals_can_be_asked_about_the_past(warehouse):
    """What expires next is seen from the moment asked about, not from the last load."""
    (sql,) = blocks("docs/questions.md", "sql", heading="open_referrals")

    assert query(warehouse, sql, as_of=str(NOW - timedelta(days=60))).num_rows > 0


def test_year_before_is_a_year_before(tmp_path):
    """A month is compared with the same month a year before, also where months in between lack."""
    (sql,) = blocks("docs/questions.md", "sql", heading="funnel_cohorts")
    held = warehouse_of(
        version("R1", created=datetime(2021, 4, 5)),
        version("R2", created=datetime(2022, 4, 5), won=datetime(2022, 4, 6)),
        version("R3", created=datetime(2023, 4, 5)),
    )
    with duckdb.connect(make_warehouse(tmp_path / "referrals.duckdb")) as connection:
        with holding(connection, held):
            rows = connection.execute(sql).fetchall()

    assert [(0, 1), (1, 0), (0, None)] == [row[2:] for row in rows]


@pytest.mark.parametrize("mart", MARTS)
def test_readme_leads_to_the_question(mart):
    """The table of the views has a row for each, with a link to its query."""
    readme = (ROOT / "README.md").read_text("utf-8")

    assert f"\n| [`{mart}`](docs/questions.md#{mart}) | " in readme
