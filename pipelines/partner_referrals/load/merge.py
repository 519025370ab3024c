"""Merges new versions and rejects into the warehouse, in one load package of dlt."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import DictionaryProvider
from dlt.common.configuration.specs import PluggableRunContext
from dlt.pipeline.exceptions import PipelineStepFailed

from partner_center.resources import Resource
from partner_center.schema.dlt_hints import column_hints, declared_schema, versioned
from partner_center.schema.tables import REFERRAL_REJECTS
from partner_referrals.errors import WarehouseFailed


@dataclass(frozen=True)
class Merge:
    """What goes into the warehouse together: Parquet files of versions and of rejects.

    Where a record changed, its current version ends at `boundary` and the new one begins there.
    `boundary` is None for an empty warehouse: the files then hold `valid_from` themselves.
    """

    resource: Resource
    versions: tuple[Path, ...]
    rejects: Path
    boundary: datetime | None


def merge_changes(connection: duckdb.DuckDBPyConnection, merge: Merge, directory: Path) -> None:
    """Merge into the resource's table of versions and `referral_rejects`.

    `directory` becomes dlt's working directory and must be new: dlt would load what a killed run
    left in an old one instead of the changes. Raises WarehouseFailed.
    """
    # No table has an order; without one, threads write side by side and hold less back.
    connection.execute("set preserve_insertion_order = false")
    try:
        # dlt swallows some signals in the main thread. In another one Ctrl-C waits until the
        # merge, which is short, is complete, and then ends the run.
        with ThreadPoolExecutor(max_workers=1) as worker:
            worker.submit(_run_dlt, connection, merge, directory).result()
    except PipelineStepFailed as error:
        raise WarehouseFailed(
            f"The changes could not be merged into the warehouse: {error.exception}. It holds "
            "the state before this run; correct the cause and run the load again."
        ) from error


def _run_dlt(connection: duckdb.DuckDBPyConnection, merge: Merge, directory: Path) -> None:
    with _ignoring_configuration():
        pipeline = dlt.pipeline(
            "partner_center",
            pipelines_dir=str(directory),
            destination=dlt.destinations.duckdb(connection),
            dataset_name="partner_center",
        )
        pipeline.run(_source(merge), loader_file_format="parquet")


@contextmanager
def _ignoring_configuration() -> Iterator[None]:
    """Let dlt use the settings below and nothing from its files or the environment.

    What somebody set for another pipeline must not change this one, and looking each setting up
    everywhere, dozens of times, takes as long as a nightly merge.
    """
    settings = DictionaryProvider()
    # dlt keeps no state between two runs; the source declares its schema.
    settings.set_value("restore_from_destination", False, None)
    # Otherwise the last changes stay in the warehouse a second time.
    settings.set_value("truncate_staging_dataset", True, None, "load")
    settings.set_value("dlthub_telemetry", False, None, "runtime")
    settings.set_value("log_level", "CRITICAL", None, "runtime")
    container = Container()[PluggableRunContext].providers
    others, container.providers = container.providers, [settings]
    try:
        yield
    finally:
        container.providers = others


def check_merged(connection: duckdb.DuckDBPyConnection, merge: Merge) -> None:
    """Raise WarehouseFailed unless the warehouse now holds every merged version, once."""
    table = merge.resource.table.name
    expected = merge.resource.stored_schema.names
    found = [
        row[0]
        for row in connection.execute(
            "select column_name from duckdb_columns() "
            "where schema_name = 'partner_center' and table_name = $1",
            [table],
        ).fetchall()
    ]
    if sorted(found) != sorted(expected):
        odd = sorted(set(found) ^ set(expected))
        raise WarehouseFailed(
            f"The columns of partner_center.{table} are not those that a load writes; too many or "
            f"missing: {', '.join(odd)}. The views were not refreshed; restore the table and load "
            "again."
        )
    repeated, missing = _count_faults(connection, merge)
    if repeated or missing:
        raise WarehouseFailed(
            f"After the merge {merge.resource.noun} stand twice ({repeated}) or are missing "
            f"({missing}) in partner_center.{table}. The views were not refreshed; load again with "
            "--full, and restore a copy of the warehouse if it stays so."
        )


def _count_faults(connection: duckdb.DuckDBPyConnection, merge: Merge) -> tuple[int, int]:
    """How many of the merged records stand twice now, and how many do not stand as merged."""
    table = f"partner_center.{merge.resource.table.name}"
    merged = {"versions": [str(file) for file in merge.versions]}
    if merge.boundary is None:
        # Nothing was there before, and no id repeats in the file: the number tells all.
        surplus: int = connection.execute(
            f"select (select count(*) from {table}) "
            "- (select count(*) from read_parquet($versions))",
            merged,
        ).fetchall()[0][0]
        return max(surplus, 0), max(-surplus, 0)
    repeated, missing = connection.execute(
        "with merged as ("
        "    select id, content_hash from read_parquet($versions)"
        "), found as ("
        "    select id, known.content_hash = merged.content_hash as is_merged"
        f"    from {table} as known join merged using (id) where valid_to is null"
        ") select count(*) - count(distinct id), "
        "(select count(*) from merged) - count(*) filter (is_merged) from found",
        merged,
    ).fetchall()[0]
    return repeated, missing


def _source(merge: Merge) -> object:
    """The changes as a source of dlt."""
    schema = declared_schema([merge.resource.table.name])
    return dlt.source(_changes, schema=schema, max_table_nesting=0)(merge)


def _changes(merge: Merge) -> tuple[object, ...]:
    table, stored = merge.resource.table.name, merge.resource.stored_schema
    version = merge.resource.version_schema
    if merge.boundary is None:
        versions = dlt.resource(
            _import,
            name=table,
            columns=column_hints(stored),
            write_disposition="append",
        )(merge.versions, stored)
    else:
        versions = dlt.resource(
            _read,
            name=table,
            merge_key="id",
            columns=column_hints(version),
            write_disposition=versioned(merge.boundary.isoformat()),
        )(merge.versions, version)
    rejects = dlt.resource(
        _read,
        name="referral_rejects",
        columns=column_hints(REFERRAL_REJECTS.schema),
        write_disposition="append",
    )([merge.rejects], REFERRAL_REJECTS.schema)
    return versions, rejects


def _import(files: Sequence[Path], schema: pa.Schema) -> Iterator[object]:
    """Parquet files as they are, behind an empty table that makes dlt create the columns."""
    yield schema.empty_table()
    for file in files:
        yield dlt.mark.with_file_import(str(file), "parquet", pq.read_metadata(file).num_rows)


def _read(files: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """Parquet files in batches, behind an empty table that makes dlt create the columns."""
    yield schema.empty_table()
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(batch_size=100_000, columns=schema.names):
                yield pa.Table.from_batches([batch]).cast(schema)
