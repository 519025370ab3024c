"""How much memory DuckDB takes during a load, whatever the machine has and the table holds."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

LOAD_MEGABYTES = 128
# Texts of many megabytes have to fit in several times over, to be read, sorted in and written.
GROUPS_IN_MEMORY = 6


def bound_memory(
    connection: duckdb.DuckDBPyConnection, directory: Path, files: Sequence[Path] = ()
) -> None:
    """Let what does not fit go to `directory`, but have room for the largest rows of `files`."""
    largest = max(map(_largest_group, files), default=0)
    megabytes = max(LOAD_MEGABYTES, GROUPS_IN_MEMORY * largest // 1_000_000)
    connection.execute(f"set memory_limit = '{megabytes}MB'")
    connection.execute("set temp_directory = $1", [str(directory)])


def _largest_group(file: Path) -> int:
    """Bytes of the largest group of rows."""
    groups = pq.read_metadata(file)
    return max(
        (groups.row_group(number).total_byte_size for number in range(groups.num_row_groups)),
        default=0,
    )
