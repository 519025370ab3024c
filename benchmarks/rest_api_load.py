"""The same pages through dlt's own REST source, tuned: Parquet, no compression, merge on id.

python rest_api_load.py URL WAREHOUSE
"""

import os
import sys
import tempfile

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION"] = "true"
os.environ["DATA_WRITER__BUFFER_MAX_ITEMS"] = "100000"

import dlt
from dlt.sources.rest_api import rest_api_source

_, url, warehouse = sys.argv
source = rest_api_source(
    {
        "client": {
            "base_url": url,
            "paginator": {
                "type": "offset",
                "limit": 9_999,
                "limit_param": "top",
                "offset_param": "skip",
                "total_path": "totalCount",
            },
        },
        "resources": [
            {
                "name": "referrals",
                "endpoint": {"path": "referrals", "data_selector": "items"},
                "primary_key": "id",
                "write_disposition": "merge",
            }
        ],
    }
)
with tempfile.TemporaryDirectory() as directory:
    dlt.pipeline(
        "rest_api",
        pipelines_dir=directory,
        destination=dlt.destinations.duckdb(warehouse),
        dataset_name="partner_center",
    ).run(source, loader_file_format="parquet")
