"""Microsoft Partner Center's referrals analytics as a dlt source.

import dlt
from pipelines.partner_center import partner_center

dlt.pipeline("crm", destination="duckdb").run(partner_center(filter="status eq 'Won'"))
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema, TWriteDispositionConfig
from dlt.common.schema.utils import new_table
from dlt.extract import DltResource

from pipelines.errors import UsageError
from pipelines.partner_center.aggregates import fetch_aggregates
from pipelines.partner_center.auth import PartnerUser, sign_in
from pipelines.partner_center.client import PartnerCenterClient
from pipelines.partner_center.listing import Lister, Listing
from pipelines.partner_center.settings import PartnerCenterSettings, resolve_settings
from pipelines.partner_center.versions import VALIDITY_SCHEMA, VERSION_SCHEMA
from pipelines.partner_center.windows import list_everything
from pipelines.referral import FIELDS

BATCH_ROWS = 100_000


def column_hints(schema: pa.Schema) -> dict[str, TColumnSchema]:
    """dlt's hints for an Arrow schema: every column declared, every timestamp naive UTC."""
    return {field.name: _column_hint(field) for field in schema}


def _column_hint(field: pa.Field) -> TColumnSchema:
    hint: TColumnSchema = {"name": field.name, "nullable": field.nullable}
    if pa.types.is_timestamp(field.type):
        return {**hint, "data_type": "timestamp", "timezone": False, "precision": 6}
    if pa.types.is_boolean(field.type):
        return {**hint, "data_type": "bool"}
    if pa.types.is_integer(field.type):
        return {**hint, "data_type": "bigint"}
    if pa.types.is_date(field.type):
        return {**hint, "data_type": "date"}
    return {**hint, "data_type": "text"}


def versioned(boundary: str | None = None) -> TWriteDispositionConfig:
    """How referrals merge: a changed one ends its version at `boundary` and begins a new one."""
    disposition: dict[str, Any] = {
        "disposition": "merge",
        "strategy": "scd2",
        "row_version_column_name": "content_hash",
        "validity_column_names": ["valid_from", "valid_to"],
    }
    if boundary:
        disposition["boundary_timestamp"] = boundary
    return disposition  # type: ignore[return-value]


def declared_schema() -> Schema:
    """A dlt schema that knows the validity columns as naive UTC.

    dlt gives them a time zone whatever the hints of the resource say; with one, date_trunc would
    move with the session of whoever reads.
    """
    schema = Schema("partner_center")
    columns = list(column_hints(VALIDITY_SCHEMA).values())
    schema.update_table(new_table("referrals", columns=columns))
    return schema


@dlt.source(schema=declared_schema(), max_table_nesting=0)
def partner_center(
    filter: str | None = None,
    groupby: Sequence[str] = ("status", "createdDate"),
    aggregation_level: str | None = "month",
) -> tuple[DltResource, ...]:
    """Referrals and their server-side counts.

    `referrals` keeps every observed version (scd2 on `id`); `referral_aggregates` holds the
    counts per `groupby` fields and is replaced each time. Configured in
    `[sources.partner_center]`; signs in silently, never by prompt.
    """
    if unknown := [field for field in groupby if field not in FIELDS]:
        raise UsageError(
            f"Referrals cannot be grouped by {', '.join(unknown)}. Fields: {', '.join(FIELDS)}."
        )
    settings = resolve_settings()
    client = connect(settings)
    return (
        referrals(client, settings, filter),
        referral_aggregates(client, groupby, aggregation_level, filter),
    )


def connect(
    settings: PartnerCenterSettings, certificate: Path | None = None
) -> PartnerCenterClient:
    """A client that signs in as configured; raises UsageError or SignInRequired if it cannot.

    `certificate` is trusted beside the usual ones, for a sign-in authority on this machine.
    """
    user = PartnerUser(sign_in(settings.credentials, certificate=certificate))
    return PartnerCenterClient(settings, user)


@dlt.resource(
    merge_key="id",
    columns=column_hints(VERSION_SCHEMA),
    write_disposition=versioned(),
)
def referrals(
    client: PartnerCenterClient, settings: PartnerCenterSettings, filter: str | None
) -> Iterator[pa.Table]:
    """Every listed referral once, as Arrow tables of the columns of VERSION_SCHEMA."""
    with tempfile.TemporaryDirectory(prefix="referrals-") as directory:
        place = Path(directory)
        lister = Lister(client, settings)
        listing = lister.read(filter, place) if filter else list_everything(lister, place)
        yield VERSION_SCHEMA.empty_table()
        yield from latest_versions(listing)


@dlt.resource(write_disposition="replace")
def referral_aggregates(
    client: PartnerCenterClient,
    groupby: Sequence[str],
    aggregation_level: str | None,
    filter: str | None,
) -> Iterator[list[dict[str, Any]]]:
    """The server's counts, a row per group."""
    yield fetch_aggregates(client, groupby, aggregation_level, filter).rows


def latest_versions(listing: Listing) -> Iterator[pa.Table]:
    """The rows of a listing, of each id the one received last."""
    with duckdb.connect() as connection:
        reader = connection.sql(
            f"select {', '.join(VERSION_SCHEMA.names)} "
            "from read_parquet($files, filename = 'reading', file_row_number = true) "
            "qualify row_number() over (partition by id order by reading desc, "
            "file_row_number desc) = 1",
            params={"files": [str(file) for file in listing.referral_files]},
        ).to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            yield pa.Table.from_batches([batch]).cast(VERSION_SCHEMA)
