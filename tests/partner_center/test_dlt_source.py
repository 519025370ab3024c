"""The source in a dlt project of somebody else: arguments, clones, samples, contracts."""

import dlt
import duckdb
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from partner_center import partner_center
from partner_center_sandbox import Sandbox
from support.records import referral


@pytest.fixture
def pipeline(tmp_path):
    return dlt.pipeline(
        "crm",
        pipelines_dir=str(tmp_path / "dlt"),
        destination=dlt.destinations.duckdb(str(tmp_path / "crm.duckdb")),
        dataset_name="referrals",
    )


@pytest.fixture
def ask(tmp_path):
    def run(sql):
        with duckdb.connect(str(tmp_path / "crm.duckdb")) as connection:
            return connection.execute(sql).fetchall()

    return run


@pytest.fixture
def sandbox():
    with Sandbox([referral("a"), referral("b"), referral("c")]) as running:
        yield running


def test_settings_are_arguments(pipeline, ask, sandbox):
    """Nothing needs to stand in configuration files."""
    source = partner_center(
        credentials={"access_token": sandbox.access_token}, base_url=sandbox.base_url, page_size=2
    )

    pipeline.run(source, loader_file_format="parquet")

    assert [(3,)] == ask("select count(*) from referrals.referrals")


def test_clone_reads_its_own_section(pipeline, ask, sandbox, serve, monkeypatch):
    """A second account by dlt's own means, and never the first one's in its place."""
    serve(referral("first"))
    monkeypatch.setenv("SOURCES__FABRIKAM__BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SOURCES__FABRIKAM__CREDENTIALS__ACCESS_TOKEN", sandbox.access_token)

    source = partner_center.clone(name="fabrikam", section="fabrikam")()
    pipeline.run(source, loader_file_format="parquet")

    assert "fabrikam" == source.name
    assert [(3,)] == ask("select count(*) from referrals.referrals")


@pytest.mark.parametrize("name", ["FILTER", "GROUPBY", "CLOUD", "CREDENTIALS"])
def test_short_variables_are_no_arguments(serve, monkeypatch, name):
    """They may be another program's."""
    serve(referral("a"))
    monkeypatch.setenv(name, "someone's")

    assert {"referrals", "referral_aggregates"} == set(partner_center().selected_resources)


def test_a_limit_gives_rows(serve):
    """`add_limit(1)` samples rather than giving the empty table that declares the columns."""
    serve(referral("a"), referral("b"))

    sample = list(partner_center().referrals.add_limit(1))

    assert sum(map(len, sample)) > 0


def test_no_referrals_still_make_the_table(pipeline, ask, serve):
    """An account without referrals has tables without rows."""
    serve()

    pipeline.run(partner_center().with_resources("referrals"), loader_file_format="parquet")

    assert [(0,)] == ask("select count(*) from referrals.referrals")


def test_frozen_columns_load_at_the_first_run(pipeline, ask, serve):
    """Every column is declared, so a contract has nothing to refuse, then or later."""
    serve(referral("a"))

    for _ in range(2):
        pipeline.run(
            partner_center(), loader_file_format="parquet", schema_contract={"columns": "freeze"}
        )

    assert [(1,)] == ask("select count(*) from referrals.referrals")


def test_one_field_groups_by_itself(serve):
    """A text names one field; it is not read letter by letter."""
    serve(referral("a", status="New"), referral("b", status="Won"))

    rows = list(partner_center(groupby="status").referral_aggregates)

    assert {"New": 1, "Won": 1} == {each["status"]: each["referral_count"] for each in rows}


def test_a_destination_that_cannot_merge_is_refused(tmp_path, serve):
    """Otherwise dlt appends every referral at each run; `replace` is possible there."""
    serve(referral("a"))
    files = dlt.pipeline(
        "files",
        pipelines_dir=str(tmp_path / "dlt"),
        destination=dlt.destinations.filesystem(str(tmp_path / "files")),
    )

    with pytest.raises(PipelineStepFailed, match="cannot keep versions of referrals"):
        files.run(partner_center(), loader_file_format="parquet")
    source = partner_center()
    source.referrals.apply_hints(write_disposition="replace")
    files.abort_packages()
    files.run(source, loader_file_format="parquet")

    assert 1 == len(list(tmp_path.glob("files/**/referrals/*.parquet")))
