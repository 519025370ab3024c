"""One reading of the listing on disk, so that memory does not grow with the table."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from partner_center.records.dates import MOMENT
from partner_center.records.page import REJECT_SCHEMA, Page
from partner_center.records.reader import TAG_SCHEMA
from partner_center.resources.resource import Resource

# What DuckDB stores together. With fewer rows it reads a third slower; with more, the remainders
# make it write the whole table again at its next checkpoint.
GROUP_ROWS = 122_880
# Texts that many rows share.
_REPEATING = ("status", "customer_market", "customer_org_size", "partner_market", "kind")


class Spool:
    """Parquet files of rows, rejects and tags that pages are appended to, in the order received.

    Each row with an identity stands there as the version that it would be if it were seen at
    `seen_at` for the first time, so that an empty warehouse can take the file as it is.
    `connection` computes for nobody else until the spool is closed.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        directory: Path,
        name: str,
        seen_at: datetime | None,
        resource: Resource,
    ) -> None:
        self.rows = directory / f"rows-{name}.parquet"
        self.rejects = directory / f"rejects-{name}.parquet"
        self.tags = directory / f"tags-{name}.parquet"
        self._resource = resource
        self._connection = connection
        self._seen_at = pa.scalar(seen_at, MOMENT)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        # Beside the reading of the next pages; one at a time, in order.
        self._worker = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] | None = None
        self._row_writer = _writer(self.rows, resource.stored_schema)
        self._reject_writer = _writer(self.rejects, REJECT_SCHEMA)
        self._tag_writer = _writer(self.tags, TAG_SCHEMA) if resource.has_tags else None

    def __enter__(self) -> "Spool":
        return self

    def append(self, page: Page) -> None:
        """Put one page behind those before it."""
        if page.rejects.num_rows:
            self._reject_writer.write_table(page.rejects)
        if self._tag_writer and page.tags.num_rows:
            self._tag_writer.write_table(page.tags)
        if self._waiting_rows + page.rows.num_rows > GROUP_ROWS:
            self._flush()
        if page.rows.num_rows:
            self._waiting.append(page.rows)
            self._waiting_rows += page.rows.num_rows

    def _flush(self) -> None:
        """Hand what waits over to the writing thread, once that is done with what it has."""
        if self._writing:
            self._writing.result()
        if self._waiting:
            rows = pa.concat_tables(self._waiting)
            self._writing = self._worker.submit(self._write, rows)
            self._waiting, self._waiting_rows = [], 0

    def _write(self, rows: pa.Table) -> None:
        columns = dict(zip(rows.column_names, rows.columns, strict=True))
        if self._resource.is_versioned:
            columns |= self._complete(rows)
        self._row_writer.write_table(pa.table(columns, self._resource.stored_schema))

    def _complete(self, rows: pa.Table) -> dict[str, pa.Array | pa.ChunkedArray]:
        """The columns of a version that the record itself does not have."""
        # Only what is new comes back from DuckDB; the fields need no copy.
        computed = (
            self._connection.from_arrow(rows).project(self._resource.computed_sql).to_arrow_table()
        )
        count = rows.num_rows
        return {
            "valid_from": pa.repeat(self._seen_at, count),
            "valid_to": pa.nulls(count, MOMENT),
            "is_listed": pa.repeat(True, count),
            **dict(zip(computed.column_names, computed.columns, strict=True)),
        }

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._flush()
        finally:
            self._worker.shutdown()
            self._row_writer.close()
            self._reject_writer.close()
            if self._tag_writer:
                self._tag_writer.close()
        if error is None and self._writing:
            self._writing.result()


def _writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Read once and thrown away: writing fast counts for more than writing small.
    return pq.ParquetWriter(
        file,
        schema,
        compression="none",
        write_statistics=False,
        use_dictionary=[name for name in _REPEATING if name in schema.names],
    )
