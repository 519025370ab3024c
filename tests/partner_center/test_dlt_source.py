"""The source in a dlt project of somebody else: arguments, clones, samples, contracts."""

import re
from concurrent.futures import ThreadPoolExecutor

import dlt
import duckdb
import pytest
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed

from partner_center import partner_center
from partner_center.errors import UsageError
from partner_center.settings import resolve_settings
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
    source = serve(referral("a", createdDate=None))

    for created in (None, "2026-03-01T00:00:00"):
        source.put(referral("a", createdDate=created))
        pipeline.run(
            partner_center(), loader_file_format="parquet", schema_contract={"columns": "freeze"}
        )

    assert [(2,)] == ask("select count(*) from referrals.referrals")
    assert {"TIMESTAMP"} == {
        kind
        for (kind,) in ask(
            "select data_type from duckdb_columns() where column_name in "
            "('created_date', 'valid_from', 'valid_to')"
        )
    }


def test_table_of_another_name_is_declared_too(pipeline, ask, serve):
    """Its validity has no time zone either."""
    serve(referral("a"))
    source = partner_center().with_resources("referrals")
    source.referrals.apply_hints(table_name="crm_referrals")

    pipeline.run(source, loader_file_format="parquet")

    assert {("TIMESTAMP",)} == set(
        ask(
            "select data_type from duckdb_columns() where table_name = 'crm_referrals' "
            "and column_name in ('valid_from', 'valid_to')"
        )
    )


def test_records_that_cannot_be_read_are_told(serve, caplog):
    """They are left out of the rows; where none is left, the source fails."""
    sandbox = serve(referral("a"), referral("b", wonDate="soon"))

    (rows,) = partner_center().referrals

    assert ["a"] == rows["id"].to_pylist()
    assert "Left out: 1 referral that cannot be read" in caplog.text
    sandbox.delete("a")
    with pytest.raises(ResourceExtractionError, match="None of the referrals"):
        list(partner_center().referrals)


def test_counts_that_are_refused_say_how_to_go_without(serve):
    """By dlt's own selection."""
    serve(referral("a")).behaviour.refuses_groupby = True

    with pytest.raises(ResourceExtractionError, match="with_resources"):
        list(partner_center().referral_aggregates)
    assert 1 == len(list(partner_center().with_resources("referrals")))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"page_size": "many"}, "page_size is 'many', but must be a whole number"),
        ({"page_size": 10.5}, "page_size is 10.5, but must be a whole number"),
        ({"page_size": "0"}, "sources.fabrikam.page_size is 0"),
        ({"cloud": "mars"}, "Set sources.fabrikam.cloud to one of"),
        ({"base_url": 5}, "sources.fabrikam.base_url is '5'"),
        ({"credentials": "token"}, "credentials is of the type str"),
        ({"credentials": {"acces_token": "x"}}, "credentials has no acces_token"),
        ({"groupby": ()}, "groupby names no field"),
    ],
)
def test_argument_that_cannot_work_is_told(given, said):
    """In a sentence that names it, and the section of the clone."""
    source = partner_center.clone(name="fabrikam", section="fabrikam")

    with pytest.raises(UsageError, match=re.escape(said)):
        source(**{"credentials": {"access_token": "x"}, **given})


def test_unknown_key_is_refused(monkeypatch):
    """Also in the section of a clone; sections of others, however they are called, are theirs."""
    monkeypatch.setenv("SOURCES__FABRIKAM2__PAGE_SISE", "3")
    clone = partner_center.clone(name="fabrikam", section="fabrikam")
    clone(credentials={"access_token": "x"})
    monkeypatch.setenv("SOURCES__FABRIKAM__PAGE_SISE", "3")

    with pytest.raises(UsageError, match="Did you mean 'page_size'"):
        clone(credentials={"access_token": "x"})


def test_threads_read_their_own_configuration(monkeypatch):
    """Many sources at once, beside another program's dlt, each with its own values."""
    for number in range(4):
        monkeypatch.setenv(f"SOURCES__SHOP{number}__CLOUD", "us_government")
    monkeypatch.setenv("SOMEBODY__ELSE", "kept")

    def resolve(number):
        found = resolve_settings(f"shop{number % 4}", credentials={"access_token": "x"})
        return found.cloud, dlt.config.get("somebody.else")

    with ThreadPoolExecutor(8) as workers:
        found = set(workers.map(resolve, range(200)))

    assert {("us_government", "kept")} == found
    assert "kept" == dlt.config.get("somebody.else")


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

    with pytest.raises(PipelineStepFailed, match="cannot merge referrals by scd2"):
        files.run(partner_center(), loader_file_format="parquet")
    source = partner_center()
    source.referrals.apply_hints(write_disposition="merge")
    files.abort_packages()
    with pytest.raises(PipelineStepFailed, match="cannot merge referrals by delete-insert"):
        files.run(source, loader_file_format="parquet")
    source = partner_center()
    source.referrals.apply_hints(write_disposition={"disposition": "replace"})
    files.abort_packages()
    files.run(source, loader_file_format="parquet")

    assert 1 == len(list(tmp_path.glob("files/**/referrals/*.parquet")))
