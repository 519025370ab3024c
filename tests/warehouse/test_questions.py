"""The questions of the documentation can be asked as they stand, and have answers."""

import pytest

from partner_center_sandbox import Sandbox
from partner_referrals.warehouse.query import query
from partner_referrals.warehouse.views import view_definitions
from support.documents import ROOT, blocks
from support.loads import load_from
from support.records import NOW

MARTS = sorted(each.name for each in view_definitions() if each.schema == "marts")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """Generated referrals, loaded on two days."""
    path = tmp_path_factory.mktemp("questions") / "referrals.duckdb"
    with Sandbox(count=1_000, now=NOW) as sandbox:
        load_from(sandbox, path)
        sandbox.next_day()
        load_from(sandbox, path)
    return path


@pytest.mark.parametrize("mart", MARTS)
def test_question_has_an_answer(warehouse, mart):
    """The one query below the name of a view reads that view, and returns rows."""
    (sql,) = blocks("docs/questions.md", "sql", heading=mart)

    assert f"from marts.{mart}" in sql
    assert query(warehouse, sql).num_rows > 0


@pytest.mark.parametrize("mart", MARTS)
def test_readme_leads_to_the_question(mart):
    """The table of the views has a row for each, with a link to its query."""
    readme = (ROOT / "README.md").read_text("utf-8")

    assert f"\n| [`{mart}`](docs/questions.md#{mart}) | " in readme
