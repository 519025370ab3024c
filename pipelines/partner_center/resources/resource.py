"""What a resource of Partner Center is described by; everything else is shared by all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from partner_center.endpoints import MAX_PAGE_SIZE
from partner_center.records.reader import RecordReader
from partner_center.schema.content_hash import content_hash_sql
from partner_center.schema.tables import Table
from partner_center.schema.versions import VALIDITY_COLUMNS

if TYPE_CHECKING:
    # Imports dlt, which what only asks for a resource's name need not wait for.
    from partner_center.settings import PartnerCenterSettings


@dataclass(frozen=True)
class Paging:
    """The names of the query's parameters, and how the endpoint pages.

    `is_skip_sure` is false where the endpoint may refuse `skip`, so that it is tried only where no
    next link leads on. `order` is sent along, unless the server refuses it.
    `trusts_host_only`: a next link may have another scheme or path than ours. Of any link only the
    query is used.
    """

    top: str = "top"
    skip: str = "skip"
    is_skip_sure: bool = True
    filter: str = "filter"
    max_size: int = MAX_PAGE_SIZE
    order: Mapping[str, str] = field(default_factory=dict)
    trusts_host_only: bool = False

    def parameters(self, filter: str | None, size: int, start: int = 0) -> dict[str, str | int]:
        """The query for `size` rows from `start` on, in no order."""
        parameters: dict[str, str | int] = {self.filter: filter} if filter else {}
        parameters[self.top] = min(size, self.max_size)
        return parameters | ({self.skip: start} if start or self.is_skip_sure else {})


@dataclass(frozen=True)
class Resource:
    """One resource: where it is, what its records look like, and what is made of them.

    `noun` is how messages call its records. `host` names the setting with its address. `cursor` is
    the column that tells since when a record may have changed, the latest of `activity_columns`.
    `changes_since` gives the filter for what changed since a timestamp; without it an incremental
    listing reads newest first by `cursor`, to the first page that is older. `created_field` can be
    filtered by windows.
    `computed` are columns that are made of others, as SQL. `cell` is the SQL of the status and
    created month by which the server's counts are compared; None: only the total is.
    `rates_path` is where its API has the exchange rates of a month.
    """

    name: str
    noun: str
    table: Table
    path: str
    scope: str
    host: str
    reader: RecordReader
    cursor: str
    activity_columns: tuple[str, ...]
    paging: Paging = Paging()
    changes_since: Callable[[datetime], str] | None = None
    created_field: str | None = None
    computed: Mapping[str, str] = field(default_factory=dict)
    cell: tuple[str, str] | None = None
    has_tags: bool = False
    rates_path: Callable[[date], str] | None = None

    def url(self, settings: "PartnerCenterSettings") -> str:
        """The address of the endpoint."""
        return f"{self.base_url(settings)}{self.path}"

    def base_url(self, settings: "PartnerCenterSettings") -> str:
        """The address of the API that offers the resource."""
        return str(getattr(settings, self.host))

    @cached_property
    def is_versioned(self) -> bool:
        """Whether records have identities, so that the table keeps each of their versions."""
        return VALIDITY_COLUMNS[0] in self.table.schema.names

    @cached_property
    def stored_schema(self) -> pa.Schema:
        """The columns of the table in the order in which files of it are written.

        That is dlt's order: a file in another one would be written once more.
        """
        columns = [each.remove_metadata() for each in self.table.schema]
        return pa.schema(sorted(columns, key=lambda each: each.name not in VALIDITY_COLUMNS))

    @cached_property
    def version_schema(self) -> pa.Schema:
        """What one version of a record says, without when it held."""
        return pa.schema(each for each in self.stored_schema if each.name not in VALIDITY_COLUMNS)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The columns that are read from a record."""
        return tuple(self.reader.schema.names)

    def content_hash_sql(self, is_listed: str) -> str:
        """SQL for the hash of what a version says; see content_hash_sql."""
        return content_hash_sql(self.reader.schema, is_listed)

    @cached_property
    def computed_sql(self) -> str:
        """The columns that DuckDB computes from those of a listed record."""
        computed = {**self.computed, "content_hash": self.content_hash_sql("true")}
        return ", ".join(f"{sql} as {name}" for name, sql in computed.items())
