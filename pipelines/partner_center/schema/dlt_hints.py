"""How dlt is told of the tables: every column declared, and how versions are merged."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema, TWriteDispositionConfig
from dlt.common.schema.utils import new_table

from partner_center.schema.versions import VALIDITY_SCHEMA


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
    if pa.types.is_floating(field.type):
        return {**hint, "data_type": "double"}
    if pa.types.is_decimal(field.type):
        precision, scale = field.type.precision, field.type.scale
        return {**hint, "data_type": "decimal", "precision": precision, "scale": scale}
    return {**hint, "data_type": "text"}


def versioned(boundary: str | None = None) -> TWriteDispositionConfig:
    """How versions merge: a changed record ends its version at `boundary` and begins a new one."""
    disposition: dict[str, Any] = {
        "disposition": "merge",
        "strategy": "scd2",
        "row_version_column_name": "content_hash",
        "validity_column_names": ["valid_from", "valid_to"],
    }
    if boundary:
        disposition["boundary_timestamp"] = boundary
    return disposition  # type: ignore[return-value]


def declared_schema(tables: Sequence[str]) -> Schema:
    """A dlt schema that knows the validity columns as naive UTC.

    dlt gives them a time zone whatever the hints of the resource say; with one, date_trunc would
    move with the session of whoever reads.
    """
    schema = Schema("partner_center")
    for table in tables:
        declare_columns(schema, table, VALIDITY_SCHEMA)
    return schema


def declare_columns(schema: Schema, table: str, *declared: pa.Schema) -> None:
    """Declare columns of a table in a dlt schema before anything is extracted."""
    columns = [hint for each in declared for hint in column_hints(each).values()]
    schema.update_table(new_table(table, columns=columns))
