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
from partner_center.schema.versions import COMPUTED_SQL, SEEN_SCHEMA

# What DuckDB stores together. With fewer rows it reads a third slower; with more, the remainders
# make it write the whole table again at its next checkpoint.
GROUP_ROWS = 122_880
# Texts that many rows share.
_REPEATING = ("status", "customer_market", "customer_org_size", "partner_market")


class Spool:
    """Two Parquet files that pages are appended to, in the order received.

    Each referral stands there as the version that it would be if it were seen at `seen_at` for the
    first time, so that an empty warehouse can take the file as it is. `connection` computes for
    nobody else until the spool is closed.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        directory: Path,
        name: str,
        seen_at: datetime | None,
    ) -> None:
        self.referrals = directory / f"referrals-{name}.parquet"
        self.rejects = directory / f"rejects-{name}.parquet"
        self._connection = connection
        self._seen_at = pa.scalar(seen_at, MOMENT)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        # Beside the reading of the next pages; one at a time, in order.
        self._worker = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] | None = None
        self._referral_writer = _writer(self.referrals, SEEN_SCHEMA)
        self._reject_writer = _writer(self.rejects, REJECT_SCHEMA)

    def __enter__(self) -> "Spool":
        return self

    def append(self, page: Page) -> None:
        """Put one page behind those before it."""
        if page.rejects.num_rows:
            self._reject_writer.write_table(page.rejects)
        if self._waiting_rows + page.referrals.num_rows > GROUP_ROWS:
            self._flush()
        if page.referrals.num_rows:
            self._waiting.append(page.referrals)
            self._waiting_rows += page.referrals.num_rows

    def _flush(self) -> None:
        """Hand what waits over to the writing thread, once that is done with what it has."""
        if self._writing:
            self._writing.result()
        if self._waiting:
            referrals = pa.concat_tables(self._waiting)
            self._writing = self._worker.submit(self._write, referrals)
            self._waiting, self._waiting_rows = [], 0

    def _write(self, referrals: pa.Table) -> None:
        # Only what is new comes back from DuckDB; the sixteen columns need no copy.
        computed = self._connection.from_arrow(referrals).project(COMPUTED_SQL).to_arrow_table()
        count = referrals.num_rows
        columns = {
            "valid_from": pa.repeat(self._seen_at, count),
            "valid_to": pa.nulls(count, MOMENT),
            **dict(zip(referrals.column_names, referrals.columns, strict=True)),
            "last_activity_date": computed["last_activity_date"],
            "is_listed": pa.repeat(True, count),
            "content_hash": computed["content_hash"],
        }
        self._referral_writer.write_table(pa.table(columns, SEEN_SCHEMA))

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
            self._referral_writer.close()
            self._reject_writer.close()
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
