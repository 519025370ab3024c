"""How much memory DuckDB takes during a load, whatever the machine has and the table holds."""

from pathlib import Path

import duckdb

LOAD_MEMORY = "128MB"


def bound_memory(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Let what does not fit go to `directory`, and be removed with it."""
    connection.execute(f"set memory_limit = '{LOAD_MEMORY}'")
    connection.execute("set temp_directory = $1", [str(directory)])
