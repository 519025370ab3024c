"""The dlt source: its resources, and the settings that it takes as arguments."""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.configuration import configspec
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.pipeline import PipelineContext
from dlt.extract import DltResource

from partner_center.errors import ReferralsError, ServerFailed, UsageError
from partner_center.http.client import PartnerCenterClient
from partner_center.listing.aggregates import aggregates_schema, fetch_aggregates
from partner_center.listing.lister import Lister, Listing
from partner_center.listing.windows import list_everything
from partner_center.resources import ENGAGEMENTS, REFERRALS, SEARCH, Resource
from partner_center.schema.dlt_hints import column_hints, declare_columns, versioned
from partner_center.schema.fields import FIELDS
from partner_center.schema.versions import VALIDITY_SCHEMA
from partner_center.settings import (
    PartnerCenterCredentials,
    PartnerCenterSettings,
    resolve_settings,
)
from partner_center.sign_in.user import PartnerUser, sign_in
from partner_center.wording import counted

BATCH_ROWS = 100_000

_log = logging.getLogger(__name__)
VERSION_SCHEMA = REFERRALS.version_schema


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
    """Referrals and their server-side counts; deals and searches where they are selected.

    `referrals` keeps every observed version (scd2 on `id`); `referral_aggregates` holds the
    counts per `groupby` fields and is replaced each time. What is not given comes from
    `[sources.partner_center]`, or from the section of a clone:
    `partner_center.clone(name="fabrikam", section="fabrikam")`. Signs in silently, never by prompt.
    Raises UsageError for values that cannot work; SignInRequired, while extracting, if nobody is
    signed in.
    """
    groups = list(dict.fromkeys([groupby] if isinstance(groupby, str) else groupby or ()))
    if not groups:
        raise UsageError(
            "groupby names no field. Nothing was sent; for the referrals alone call "
            "partner_center().with_resources('referrals')."
        )
    if unknown := [field for field in groups if field not in FIELDS]:
        raise UsageError(
            f"Referrals cannot be grouped by {', '.join(map(str, unknown))}. Fields: "
            f"{', '.join(FIELDS)}."
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
    client = connect(settings)
    others = [_records(settings, each) for each in (ENGAGEMENTS, SEARCH)]
    for each in others:
        # The other API takes another token, so that only who asks for it needs one.
        each.selected = False
    return (
        referrals(client, settings, filter),
        referral_aggregates(client, groups, aggregation_level, filter).apply_hints(
            columns=column_hints(aggregates_schema(groups))
        ),
        *others,
    )


def _own_section() -> str:
    """The configuration section of the source that is being made: a clone has its own."""
    sections = Container()[ConfigSectionContext].sections
    return sections[1]


def connect(
    settings: PartnerCenterSettings,
    certificate: Path | None = None,
    resource: Resource = REFERRALS,
) -> PartnerCenterClient:
    """A client that signs in as configured, at its first request.

    Raises UsageError where the credentials do not say enough.
    `certificate` is trusted beside the usual ones, for a sign-in authority on this machine.
    """
    user = PartnerUser(sign_in(settings.credentials, certificate=certificate), resource.scope)
    return PartnerCenterClient(settings, user, resource)


@dlt.resource(
    merge_key="id",
    columns=column_hints(VERSION_SCHEMA),
    write_disposition=versioned(),
)
def referrals(
    client: PartnerCenterClient, settings: PartnerCenterSettings, filter: str | None
) -> Iterator[pa.Table]:
    """Every listed referral once, as Arrow tables of the columns of VERSION_SCHEMA."""
    yield from _list(client, settings, filter)


def _records(settings: PartnerCenterSettings, resource: Resource) -> DltResource:
    """The records of another resource as a resource of dlt, named like its table."""
    return dlt.resource(
        _other_records,
        name=resource.table.name,
        merge_key="id" if resource.is_versioned else (),
        columns=column_hints(resource.version_schema),
        write_disposition=versioned() if resource.is_versioned else "replace",
    )(settings, resource)


def _other_records(settings: PartnerCenterSettings, resource: Resource) -> Iterator[pa.Table]:
    yield from _list(connect(settings, resource=resource), settings, None)


def _list(
    client: PartnerCenterClient, settings: PartnerCenterSettings, filter: str | None
) -> Iterator[pa.Table]:
    _require_merging()
    if client.resource.is_versioned:
        _declare(client.resource)
    with tempfile.TemporaryDirectory(prefix="referrals-") as directory:
        place = Path(directory)
        lister = Lister(client, settings)
        listing = lister.read(filter, place) if filter else list_everything(lister, place)
        _tell_losses(listing, client.resource)
        empty = True
        for table in latest_versions(listing, client.resource):
            empty = False
            yield table
        if empty:
            # So that the table is made all the same.
            yield client.resource.version_schema.empty_table()


def _declare(resource: Resource) -> None:
    """Declare all columns of the table that the current resource of dlt goes into.

    A contract that freezes columns takes a table that is partly declared for one that is there, and
    refuses the rest.
    """
    table = dlt.current.resource().table_name
    # A name may depend on each row; dlt then finds the columns by itself.
    if isinstance(table, str):
        schema = dlt.current.source_schema()
        declare_columns(schema, table, resource.version_schema, VALIDITY_SCHEMA)


def _tell_losses(listing: Listing, resource: Resource) -> None:
    """Warn of what was sent but is not loaded; raises ServerFailed where nothing can be read."""
    rejected = [pq.read_table(file) for file in listing.reject_files]
    reasons = [reason for each in rejected for reason in each["reason"].to_pylist()]
    if reasons and len(reasons) == listing.rows_received:
        raise ServerFailed(
            f"None of the {resource.noun} that Partner Center sent can be read, the first because "
            f"{reasons[0]}. Nothing was loaded; a newer version may read them."
        )
    if reasons:
        _log.warning(
            "Left out: %s that cannot be read, the first because %s.",
            counted(len(reasons), resource.noun),
            reasons[0],
        )
    if listing.unknown_fields:
        _log.warning("Left out are unknown fields: %s.", ", ".join(sorted(listing.unknown_fields)))
    if listing.is_complete is False:
        _log.warning(
            "The listing of %s does not add up to Partner Center's own count; what came is loaded.",
            resource.noun,
        )


def _require_merging() -> None:
    """Raise UsageError where dlt would append everything at each run in place of merging it."""
    resource = dlt.current.resource()
    wanted: Any = resource.write_disposition
    wanted = wanted if isinstance(wanted, dict) else {"disposition": wanted}
    if wanted["disposition"] != "merge" or not Container()[PipelineContext].is_active():
        return
    destination = dlt.current.pipeline().destination
    strategy = wanted.get("strategy", "delete-insert")
    if destination and strategy not in (
        destination.capabilities().supported_merge_strategies or []
    ):
        raise UsageError(
            f"{destination.destination_name} cannot merge {resource.name} by {strategy}: dlt would "
            "append all of them at each run. Nothing was listed. Take a database as destination, "
            f"or call `source.{resource.name}.apply_hints(write_disposition='replace')`: then each "
            "run holds what is listed at its time."
        )


@dlt.resource(write_disposition="replace")
def referral_aggregates(
    client: PartnerCenterClient,
    groupby: Sequence[str],
    aggregation_level: str | None,
    filter: str | None,
) -> Iterator[list[dict[str, Any]]]:
    """The server's counts, a row per group."""
    try:
        yield fetch_aggregates(client, groupby, aggregation_level, filter).rows
    except ReferralsError as error:
        raise type(error)(
            f"{error} For the referrals without these counts call "
            "partner_center().with_resources('referrals')."
        ) from error


def latest_versions(listing: Listing, resource: Resource = REFERRALS) -> Iterator[pa.Table]:
    """The rows of a listing, of each id the one received last."""
    schema = resource.version_schema
    latest = (
        "qualify row_number() over (partition by id order by reading desc, "
        "file_row_number desc) = 1"
        if resource.is_versioned
        else ""
    )
    with duckdb.connect() as connection:
        reader = connection.sql(
            f"select {', '.join(schema.names)} "
            f"from read_parquet($files, filename = 'reading', file_row_number = true) {latest}",
            params={"files": [str(file) for file in listing.row_files]},
        ).to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            yield pa.Table.from_batches([batch]).cast(schema)
