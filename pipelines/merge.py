"""New versions and rejects into the warehouse, in one package of dlt's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.pipeline.exceptions import PipelineStepFailed

from pipelines.errors import WarehouseFailed
from pipelines.partner_center import (
    VALIDITY_SCHEMA,
    VERSION_SCHEMA,
    column_hints,
    declared_schema,
    versioned,
)

REJECT_SCHEMA = pa.schema(
    [
        pa.field("record", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rejected_at", pa.timestamp("us"), nullable=False),
    ]
)


def merge_changes(
    connection: duckdb.DuckDBPyConnection,
    versions: Path,
    rejects: Path,
    boundary: datetime,
    directory: Path,
) -> None:
    """Merge two Parquet files into `partner_center.referrals` and `referral_rejects`.

    Versions that change end at `boundary` and begin anew there. Both tables exist afterwards, also
    empty. `directory` becomes dlt's working directory and must be new: what a killed run left in
    an old one would be loaded in place of the changes. Raises WarehouseFailed.
    """
    try:
        # dlt swallows some signals that reach it in the main thread. Here Ctrl-C waits for the
        # merge, which is short and whole, and then ends the run.
        with ThreadPoolExecutor(max_workers=1) as worker:
            worker.submit(_run_dlt, connection, versions, rejects, boundary, directory).result()
    except PipelineStepFailed as error:
        raise WarehouseFailed(
            f"The changes could not be merged into the warehouse: {error.exception}. It holds "
            "the state before this run; correct the cause and run the load again."
        ) from error


def _run_dlt(
    connection: duckdb.DuckDBPyConnection,
    versions: Path,
    rejects: Path,
    boundary: datetime,
    directory: Path,
) -> None:
    pipeline = dlt.pipeline(
        "partner_center",
        pipelines_dir=str(directory),
        destination=dlt.destinations.duckdb(connection),
        dataset_name="partner_center",
    )
    pipeline.run(_changes(versions, rejects, boundary), loader_file_format="parquet")


def check_merged(connection: duckdb.DuckDBPyConnection, versions: Path) -> None:
    """Raise WarehouseFailed unless the warehouse now holds every merged version, once."""
    expected = [*VERSION_SCHEMA.names, *VALIDITY_SCHEMA.names]
    found = [
        row[0]
        for row in connection.execute(
            "select column_name from duckdb_columns() "
            "where schema_name = 'partner_center' and table_name = 'referrals'"
        ).fetchall()
    ]
    if sorted(found) != sorted(expected):
        odd = sorted(set(found) ^ set(expected))
        raise WarehouseFailed(
            f"The table partner_center.referrals has other columns than a load writes: "
            f"{', '.join(odd)}. The views were not refreshed; restore the table and load again."
        )
    repeated, missing = connection.execute(
        "with current_versions as ("
        "    from partner_center.referrals where valid_to is null"
        ") select (select count(*) - count(distinct id) from current_versions), "
        "(select count(*) from read_parquet($versions) as merged anti join current_versions "
        "on merged.id = current_versions.id "
        "and merged.content_hash = current_versions.content_hash)",
        {"versions": str(versions)},
    ).fetchall()[0]
    if repeated or missing:
        raise WarehouseFailed(
            f"After the merge {repeated} referrals stand twice and {missing} are missing in "
            "partner_center.referrals. The views were not refreshed; load again with --full, and "
            "restore a copy of the warehouse if it stays so."
        )


@dlt.source(schema=declared_schema(), max_table_nesting=0)
def _changes(versions: Path, rejects: Path, boundary: datetime) -> tuple[object, ...]:
    return (
        dlt.resource(
            _read(versions, VERSION_SCHEMA),
            name="referrals",
            merge_key="id",
            columns=column_hints(VERSION_SCHEMA),
            write_disposition=versioned(boundary.isoformat()),
        ),
        dlt.resource(
            _read(rejects, REJECT_SCHEMA),
            name="referral_rejects",
            columns=column_hints(REJECT_SCHEMA),
            write_disposition="append",
        ),
    )


def _read(file: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """A Parquet file in batches, behind an empty table that makes dlt create the columns."""
    yield schema.empty_table()
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=100_000):
            yield pa.Table.from_batches([batch]).cast(schema)
