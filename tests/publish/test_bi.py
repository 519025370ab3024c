"""What docs/bi.md tells about BI tools is taken from there and tried."""

import json
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
import yaml

from partner_center_sandbox import Sandbox
from partner_referrals.publish.publish import publish
from support.documents import ROOT, blocks
from support.environments import make_environment, run
from support.loads import load_everything, make_warehouse
from support.records import NOW, referral

# Seconds each: too long for every change.
pytestmark = pytest.mark.slow

DOCUMENT = "docs/bi.md"
FOLDER = "/srv/bi/referrals"
MARTS = {path.stem for path in (ROOT / "sql" / "marts").glob("*.sql")}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A warehouse of seven referrals."""
    path = tmp_path_factory.mktemp("template") / "referrals.duckdb"
    return make_warehouse(path, [referral(f"r{number}") for number in range(7)])


@pytest.fixture
def warehouse(template, tmp_path):
    """A copy of the template, where the command line looks for it."""
    return Path(shutil.copy(template, tmp_path / "referrals.duckdb"))


@pytest.fixture
def folder(warehouse, tmp_path):
    """Where the warehouse is published, in place of /srv/bi/referrals."""
    place = tmp_path / "published"
    place.mkdir()
    publish(warehouse, place)
    return place


def recipe(language, heading, folder, number=0):
    return blocks(DOCUMENT, language, heading)[number].replace(FOLDER, str(folder))


def publish_more(warehouse, folder):
    """Publish a later state of the warehouse: eight referrals."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into partner_center.referrals by name "
            "select * replace ('r7' as id) from partner_center.referrals where id = 'r0'"
        )
    publish(warehouse, folder)


def test_manifest_tells_that_files_belong_together(folder):
    """The program in the document says yes to a whole publish, and no to a mixed one."""
    (program,) = [code for code in blocks(DOCUMENT, "python") if "manifest" in code]
    told = []
    for _ in range(2):
        names = {}
        exec(program.replace(FOLDER, str(folder)), names)
        told.append(names["belong_together"])
        (folder / "trends.parquet").write_bytes(b"of another load")

    assert [True, False] == told


def test_metabase_sees_the_next_load(warehouse, folder):
    """An open connection shows the next publish."""
    with duckdb.connect() as connection:
        connection.execute(recipe("sql", "Metabase", folder))
        count = "select count(*) from referrals"
        assert [(7,)] == connection.execute(count).fetchall()

        publish_more(warehouse, folder)

        assert [(8,)] == connection.execute(count).fetchall()


def test_measures_are_those_of_the_marts_and_of_power_bi(tmp_path):
    """The questions for Metabase have the measures' names, and the figures of the marts."""
    warehouse = tmp_path / "referrals.duckdb"
    with Sandbox(count=400, now=NOW) as sandbox:
        load_everything(sandbox, warehouse)
    publish(warehouse, tmp_path / "published")
    init, *questions = (
        each.replace(FOLDER, str(tmp_path / "published"))
        for each in blocks(DOCUMENT, "sql", "Metabase")
    )
    measures = runpy.run_path(str(ROOT / "docs/scripts/power_bi.py"))["MEASURES"]
    with duckdb.connect() as connection:
        connection.execute(init)
        names = {name for each in questions for name in connection.sql(each).columns[1:]}
        of_referrals, of_deals, of_answers = questions

        def figures(sql):
            return {row[0]: row[1:] for row in connection.sql(sql).fetchall()}

        assert names == {
            each.name.lower().replace(" ", "_")
            for each in measures
            if each.name != "Closed referrals by closing day"
        }
        assert figures(
            f"select customer_market, won_referrals, lost_referrals, win_rate from ({of_referrals})"
        ) == figures(
            "select segment_value, won_count, lost_count, win_rate from win_rates "
            "where segment = 'customer_market'"
        )
        assert figures(
            "select customer_market, round(coalesce(won_usd, 0)), round(coalesce(lost_usd, 0)), "
            f"round(win_rate_by_value, 9) from ({of_deals})"
        ) == figures(
            "select segment_value, round(won_value_usd), round(lost_value_usd), "
            "round(value_win_rate, 9) from deal_win_rates where segment = 'customer_market'"
        )
        assert figures(f"select rule, round(sla_met, 9) from ({of_answers})") == figures(
            "select rule, round(sum(met_count) / sum(met_count + breached_count), 9) "
            "from response_sla_by_month group by rule"
        )


def test_evidence_finds_the_copy(folder, tmp_path):
    """The file that the command copies has the connection's name and answers the query."""
    source = tmp_path / "sources" / "referrals"
    source.mkdir(parents=True)
    command = recipe("console", "Evidence", folder).splitlines()[0].removeprefix("$ ")
    connection = yaml.safe_load(recipe("yaml", "Evidence", folder))

    # As before each build: the file of the last one is there already.
    for _ in range(2):
        subprocess.run(shlex.split(command), cwd=tmp_path, check=True)

    assert "duckdb" == connection["type"]
    copy = source / connection["options"]["filename"]
    with duckdb.connect(str(copy), read_only=True) as reader:
        stages = reader.sql(recipe("sql", "Evidence", folder))
        created = stages.filter("segment = 'all' and stage = 'created'").select("reached_count")
        assert [(7,)] == created.fetchall()


def test_excel_gets_a_file(referrals, warehouse, folder):
    """The command for Excel writes the mart with its header."""
    command = recipe("console", "Excel", folder).removeprefix("$ referrals ")

    code, out, _ = referrals(*shlex.split(command.split(" > ")[0]))

    assert 0 == code
    assert out.startswith("segment,segment_value,stage")


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("heading", "packages"), [("pandas", ["pandas", "pyarrow"]), ("Polars", ["polars"])]
)
def test_data_frames_read_the_parquet_files(folder, tmp_path, heading, packages):
    """Both read a mart from its file: as many rows as the manifest tells."""
    manifest = json.loads((folder / "manifest.json").read_text())
    python = make_environment(tmp_path / "environment", *packages)

    program = recipe("python", heading, folder) + "print(len(funnel))"

    assert manifest["files"]["funnel_stages.parquet"]["rows"] == int(run(python, program))


SUPERSET = """
import sys
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

# As Superset does: one connection for each query.
engine = create_engine(sys.argv[1], poolclass=NullPool)
print(*sorted(inspect(engine).get_view_names("referrals.marts")))
print(*[column["name"] for column in inspect(engine).get_columns("freshness", "referrals.marts")])
for _ in sys.stdin:
    with engine.connect() as connection:
        print(connection.execute(text("select count(*) from marts.referrals")).scalar(), flush=True)
try:
    with engine.connect() as connection:
        connection.execute(text("create table ours (id integer)"))
except DBAPIError as error:
    print("read-only" if "read-only" in str(error) else error)
"""


@pytest.mark.sweep
def test_superset_lists_reads_and_follows(warehouse, folder, tmp_path):
    """With Superset's SQLAlchemy the URI lists and reads the marts, follows, and cannot write."""
    # Superset is tied to SQLAlchemy 1.4.
    python = make_environment(tmp_path / "environment", "sqlalchemy<2", "duckdb-engine")
    uri = recipe("text", "Superset", folder).strip()
    with subprocess.Popen(
        [python, "-c", SUPERSET, uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as superset:
        views, columns = superset.stdout.readline().split(), superset.stdout.readline().split()
        counts = []
        for step in (lambda: None, lambda: publish_more(warehouse, folder)):
            step()
            superset.stdin.write("\n")
            superset.stdin.flush()
            counts.append(superset.stdout.readline())
        rest, _ = superset.communicate()

    assert sorted(MARTS) == views
    assert "last_load_at" in columns
    assert ["7\n", "8\n"] == counts
    assert "read-only\n" == rest


def test_tenants_are_read_side_by_side(warehouse, tmp_path):
    """One view over the published copies of two tenants."""
    for tenant in ("contoso", "fabrikam"):
        (tmp_path / tenant).mkdir()
        publish(warehouse, tmp_path / tenant)
    (recipe,) = blocks("docs/operations.md", "sql")

    with duckdb.connect() as connection:
        found = connection.execute(recipe.replace("/srv/bi", str(tmp_path))).fetchall()
        count = connection.execute("select count(*) from all_referrals").fetchall()

    assert [("contoso", 0), ("fabrikam", 0)] == sorted(found)
    assert [(14,)] == count
