"""How long each mart takes on DuckDB, on PostgreSQL and on Spark, over the same referrals.

    PYTHONPATH=tests python benchmarks/engines.py [ROWS] [--engines spark,...] [--memory 8GB]

Makes ROWS synthetic referrals (one million unless told otherwise; see marts.py), copies them to the
other engines, started for this on this machine, and prints the seconds of one run per mart that
computes every column of every row, after one run of `freshness` to warm up. Also the seconds of
copying: PostgreSQL's COPY and ANALYZE, and `publish`, whose files Spark reads. A mart past
MAX_SECONDS is stopped, where the engine lets us. PySpark is installed into a temporary environment.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import psycopg2
from marts import every_column, make_warehouse

from partner_referrals.publish.publish import publish
from partner_referrals.warehouse.dialects import view_ddl
from partner_referrals.warehouse.views import explained_views
from support.engines import make_spark, run_script, running_postgres
from support.views import TABLES

MAX_SECONDS = 600
MARTS = [each for each in explained_views() if each.schema == "marts"]
COLUMNS = {each.name: list(each.columns) for each in MARTS}


def main() -> None:
    """Print a line per mart and engine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--engines", default="duckdb,postgres,spark")
    parser.add_argument("--memory", default="8GB")
    asked = parser.parse_args()
    runs = {"duckdb": on_duckdb, "postgres": on_postgres, "spark": on_spark}
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Path(folder) / "benchmark.duckdb"
        with duckdb.connect(warehouse) as connection:
            connection.execute(f"set memory_limit = '{asked.memory}'")
            make_warehouse(connection, asked.rows, 0.0)
        for engine in asked.engines.split(","):
            for what, seconds in runs[engine](warehouse, asked.memory):
                print(f"{engine:<10}{what:<24}{seconds}", flush=True)


def on_duckdb(warehouse: Path, memory: str) -> Iterator[tuple[str, str]]:
    """Seconds per mart in the warehouse itself."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        connection.execute(f"set memory_limit = '{memory}'")
        for view in MARTS:
            query = every_column(connection, view.qualified_name)
            yield view.name, timed(lambda query=query: connection.execute(query).fetchall())


def on_postgres(warehouse: Path, memory: str) -> Iterator[tuple[str, str]]:
    """Seconds of copying, then per mart."""
    with running_postgres() as address, tempfile.TemporaryDirectory() as folder:
        connection = psycopg2.connect(f"{address}/postgres")
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("create schema partner_center")
        for table, columns in TABLES.items():
            cursor.execute(f"create table partner_center.{table} ({columns})")
        yield "(copy)", timed(lambda: copy(warehouse, cursor, Path(folder)))
        for statement in view_ddl("postgres"):
            cursor.execute(statement)
        # What a server of this size would be given; the defaults are for the smallest.
        for setting in (f"work_mem = '{int(memory[:-2]) * 128}MB'", "jit = off",
                        f"statement_timeout = '{MAX_SECONDS}s'"):  # fmt: skip
            cursor.execute(f"set {setting}")
        for view in MARTS:
            query = f"select {counts(view.name)} from {view.qualified_name}"
            try:
                yield view.name, timed(lambda query=query: cursor.execute(query))
            except psycopg2.errors.QueryCanceled:
                yield view.name, f"over {MAX_SECONDS}"
        connection.close()


def copy(warehouse: Path, cursor: psycopg2.extensions.cursor, folder: Path) -> None:
    """The base tables to PostgreSQL, by way of CSV."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        for table in (each.name for each in TABLES):
            file = folder / f"{table}.csv"
            columns = [
                row[0] for row in connection.execute(f"describe partner_center.{table}").fetchall()
            ]
            connection.execute(f"copy partner_center.{table} to '{file}' (header false)")
            with file.open("rb") as rows:
                cursor.copy_expert(
                    f"copy partner_center.{table} ({', '.join(columns)}) from stdin (format csv)",
                    rows,
                )
    cursor.execute("analyze")


def on_spark(warehouse: Path, memory: str) -> Iterator[tuple[str, str]]:
    """Seconds of publishing, then per mart."""
    with tempfile.TemporaryDirectory() as folder:
        published = Path(folder) / "published"
        published.mkdir()
        yield "(publish)", timed(lambda: publish(warehouse, published))
        order = {
            "published": str(published),
            "place": folder,
            "memory": memory[:-1].lower(),
            "statements": view_ddl("spark"),
            "queries": {
                view.name: f"select {counts(view.name)} from {view.qualified_name}"
                for view in MARTS
            },
        }
        script = Path(__file__).with_name("spark_marts.py")
        python = make_spark(Path(folder) / "environment")
        for line in run_script(python, script, order).splitlines():
            if line.startswith("mart "):
                _, name, seconds = line.split()
                yield name, seconds


def counts(mart: str) -> str:
    """Something of each column, so that each is computed."""
    return ", ".join(f"count({column})" for column in COLUMNS[mart])


def timed(run: Callable[[], object]) -> str:
    """Seconds of one run."""
    started = time.perf_counter()
    run()
    return f"{time.perf_counter() - started:.2f}"


if __name__ == "__main__":
    main()
