"""The dlt source: its resources, and the settings that it takes as arguments."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.common.configuration import configspec
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.pipeline import PipelineContext
from dlt.extract import DltResource

from partner_center.errors import UsageError
from partner_center.http.client import PartnerCenterClient
from partner_center.listing.aggregates import fetch_aggregates
from partner_center.listing.lister import Lister, Listing
from partner_center.listing.windows import list_everything
from partner_center.schema.dlt_hints import column_hints, declare_columns, versioned
from partner_center.schema.fields import FIELDS
from partner_center.schema.versions import VALIDITY_SCHEMA, VERSION_SCHEMA
from partner_center.settings import (
    PartnerCenterCredentials,
    PartnerCenterSettings,
    resolve_settings,
)
from partner_center.sign_in.user import PartnerUser, sign_in

BATCH_ROWS = 100_000


@configspec
class _NothingInjected(BaseConfiguration):
    """Keeps dlt from filling arguments by short names: FILTER may be another program's variable."""


@dlt.source(max_table_nesting=0, section="partner_center", spec=_NothingInjected)
def partner_center(
    filter: str | None = None,
    groupby: str | Sequence[str] = ("status", "createdDate"),
    aggregation_level: str | None = "month",
    *,
    credentials: PartnerCenterCredentials | Mapping[str, str] | None = None,
    cloud: str | None = None,
    base_url: str | None = None,
    page_size: int | None = None,
    parallel_requests: int | None = None,
    max_wait_seconds: float | None = None,
) -> tuple[DltResource, ...]:
    """Referrals and their server-side counts.

    `referrals` keeps every observed version (scd2 on `id`); `referral_aggregates` holds the
    counts per `groupby` fields and is replaced each time. What is not given comes from
    `[sources.partner_center]`, or from the section of a clone:
    `partner_center.clone(name="fabrikam", section="fabrikam")`. Signs in silently, never by prompt.
    Raises UsageError for values that cannot work, SignInRequired if nobody is signed in.
    """
    groups = [groupby] if isinstance(groupby, str) else list(groupby)
    if unknown := [field for field in groups if field not in FIELDS]:
        raise UsageError(
            f"Referrals cannot be grouped by {', '.join(unknown)}. Fields: {', '.join(FIELDS)}."
        )
    settings = resolve_settings(
        _own_section(),
        credentials=credentials,
        cloud=cloud,
        base_url=base_url,
        page_size=page_size,
        parallel_requests=parallel_requests,
        max_wait_seconds=max_wait_seconds,
    )
    # All of them: a contract that freezes columns takes a table that is partly declared for one
    # that is there, and refuses the rest.
    declare_columns(dlt.current.source_schema(), VERSION_SCHEMA, VALIDITY_SCHEMA)
    client = connect(settings)
    return (
        referrals(client, settings, filter),
        referral_aggregates(client, groups, aggregation_level, filter),
    )


def _own_section() -> str:
    """The configuration section of the source that is being made: a clone has its own."""
    sections = Container()[ConfigSectionContext].sections
    return sections[1]


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
    _require_merging()
    with tempfile.TemporaryDirectory(prefix="referrals-") as directory:
        place = Path(directory)
        lister = Lister(client, settings)
        listing = lister.read(filter, place) if filter else list_everything(lister, place)
        empty = True
        for table in latest_versions(listing):
            empty = False
            yield table
        if empty:
            # So that the table is made all the same.
            yield VERSION_SCHEMA.empty_table()


def _require_merging() -> None:
    """Raise UsageError where dlt would append everything at each run in place of merging it."""
    wanted = dlt.current.resource().write_disposition
    if not isinstance(wanted, dict) or not Container()[PipelineContext].is_active():
        return
    destination = dlt.current.pipeline().destination
    if destination and "scd2" not in (destination.capabilities().supported_merge_strategies or []):
        raise UsageError(
            f"{destination.destination_name} cannot keep versions of referrals: dlt would append "
            "all of them at each run. Nothing was listed. Take a database as destination, or call "
            "`source.referrals.apply_hints(write_disposition='replace')`: then each run holds what "
            "is listed at its time."
        )


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
