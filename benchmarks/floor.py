"""The floor: DuckDB alone, fetching the pages and reading them with one read_json.

python floor.py URL TOTAL WAREHOUSE
"""

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import duckdb

from partner_center.schema.fields import DATE_FIELDS, TEXT_FIELDS

_, url, total, warehouse = sys.argv
COLUMNS = dict.fromkeys(TEXT_FIELDS, "VARCHAR") | dict.fromkeys(DATE_FIELDS, "TIMESTAMP")

with tempfile.TemporaryDirectory(dir=Path(warehouse).parent) as directory:

    def fetch(skip: int) -> None:
        with urlopen(f"{url}/bare?top=9999&skip={skip}") as answer:
            (Path(directory) / f"{skip:09}.json").write_bytes(answer.read())

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(fetch, range(0, int(total), 9_999)))
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            f"create table referrals as from read_json('{directory}/*.json', "
            f"format = 'array', columns = {COLUMNS})"
        )
