"""Times queries in Spark, for engines.py; runs in an environment that has PySpark alone.

Takes a file with one JSON object: {"published": directory, "place": directory for Spark, "memory":
"8g", "statements": [DDL], "queries": {name: SQL}}; prints `mart NAME SECONDS` for each.
"""

import json
import sys
import time
from pathlib import Path

from support.spark_answers import make_views, start


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    session = start(Path(order["place"]), order["memory"])
    make_views(session, Path(order["published"]), order["statements"])
    session.sql("select * from marts.freshness").collect()
    for name, query in order["queries"].items():
        started = time.perf_counter()
        session.sql(query).collect()
        print(f"mart {name} {time.perf_counter() - started:.2f}", flush=True)
    session.stop()


if __name__ == "__main__":
    main()
