"""One reading of the listing on disk, so that memory does not grow with the table."""

from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.partner_center.records import REFERRAL_SCHEMA, REJECT_SCHEMA, Page


class Spool:
    """Two Parquet files that pages are appended to, in the order received."""

    def __init__(self, directory: Path, name: str) -> None:
        self.referrals = directory / f"referrals-{name}.parquet"
        self.rejects = directory / f"rejects-{name}.parquet"
        # Read once and thrown away: writing fast counts for more than writing small.
        self._writers = {
            "referrals": pq.ParquetWriter(self.referrals, REFERRAL_SCHEMA, compression="none"),
            "rejects": pq.ParquetWriter(self.rejects, REJECT_SCHEMA, compression="none"),
        }

    def __enter__(self) -> "Spool":
        return self

    def append(self, page: Page) -> None:
        """Write one page behind those before it."""
        self._write("referrals", page.referrals)
        self._write("rejects", page.rejects)

    def _write(self, name: str, rows: pa.Table) -> None:
        if rows.num_rows:
            self._writers[name].write_table(rows)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for writer in self._writers.values():
            writer.close()
