"""Makes the views in Spark, and writes what every mart answers into Parquet files.

Takes a file with one JSON object: {"published": the directory that `referrals publish` filled,
"statements": [DDL], "asks": {label: {"as_of": moment or null, "known_at": moment or null,
"marts": [name]}}, "zone": the reader's time zone, "answers": directory}. The answers are in
`<answers>/<label>/<mart>`.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import SparkSession

TABLES = {
    "referrals": "referrals",
    "referral_rejects": "referral_rejects.parquet",
    "load_runs": "load_runs.parquet",
    "engagements": "engagements.parquet",
    "engagement_tags": "engagement_tags.parquet",
    "fx_rates": "fx_rates.parquet",
    "search_days": "search_days.parquet",
}


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    answers = Path(order["answers"])
    # Of a few hundred rows, compiling and planning anew is most of the time.
    session = start(
        answers,
        **{"spark.sql.codegen.wholeStage": "false", "spark.sql.adaptive.enabled": "false"},
    )
    make_base(session, Path(order["published"]))
    with ThreadPoolExecutor(max_workers=2) as workers:
        for label, asked in order["asks"].items():
            session.sql("set time zone 'UTC'")
            for statement in order["statements"]:
                answer_once(session, statement, asked)
            session.sql(f"set time zone '{order['zone']}'")

            def write(mart: str, place: Path = answers / label) -> None:
                session.table(f"marts.{mart}").write.parquet(str(place / mart))

            list(workers.map(write, asked["marts"]))
    session.stop()


def start(place: Path, memory: str = "3g", **settings: str) -> SparkSession:
    """A Spark on two cores of this machine that keeps its tables in `place`."""
    builder = SparkSession.builder.master("local[2]")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": memory,
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(place / "warehouse"),
        **settings,
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def answer_once(session: SparkSession, statement: str, asked: dict[str, str]) -> None:
    """Run one statement of the DDL; what would be an intermediate view is made a table.

    Spark plans all that is below a view for each view above it: tables make minutes of seconds.
    """
    kind, _, name = statement.partition(" intermediate.")
    if kind == "drop view if exists" and name != "asked_moments":
        session.sql(f"drop table if exists intermediate.{name}")
    elif kind == "create view" and name.startswith("asked_moments"):
        session.sql(
            "create view intermediate.asked_moments as select "
            f"{_moment(asked['as_of'])} as as_of, {_moment(asked['known_at'])} as known_at"
        )
    elif kind == "create view":
        query = statement.partition("\nas ")[2]
        session.sql(f"create table intermediate.{name.split()[0]} using parquet as {query}")
    else:
        session.sql(statement)


def make_base(session: SparkSession, published: Path) -> None:
    """The base tables over the published files."""
    session.sql("create schema partner_center")
    for table, path in TABLES.items():
        session.sql(
            f"create view partner_center.{table} as "
            f"select * from parquet.`{published}/partner_center/{path}`"
        )


def _moment(text: str | None) -> str:
    return f"cast({repr(text) if text else 'null'} as timestamp_ntz)"


if __name__ == "__main__":
    main()
