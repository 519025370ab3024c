"""The dlt source: referrals and their server-side counts."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.extract import DltResource

from partner_center.errors import UsageError
from partner_center.http.client import PartnerCenterClient
from partner_center.listing.aggregates import fetch_aggregates
from partner_center.listing.lister import Lister, Listing
from partner_center.listing.windows import list_everything
from partner_center.schema.dlt_hints import column_hints, declared_schema, versioned
from partner_center.schema.fields import FIELDS
from partner_center.schema.versions import VERSION_SCHEMA
from partner_center.settings import PartnerCenterSettings, resolve_settings
from partner_center.sign_in.user import PartnerUser, sign_in

BATCH_ROWS = 100_000


@dlt.source(schema=declared_schema(), section="partner_center", max_table_nesting=0)
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
