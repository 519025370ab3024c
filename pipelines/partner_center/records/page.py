"""One answer as Arrow rows: the records that could be read, and the others."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from partner_center.records.dates import MOMENT
from partner_center.records.envelope import Envelope

# What is known of a record that could not be read: enough to tell which one it is, and in which
# cell of the server's counts it stands.
REJECT_SCHEMA = pa.schema(
    [
        pa.field("record", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("status", pa.string()),
        pa.field("created_date", MOMENT),
        # Whether status and created date are what the record says, null included.
        pa.field("is_placed", pa.bool_(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Page:
    """One answer: the records that could be read, the others, and what the envelope says.

    `tags` are rows of id, kind and value. `unknown_fields` stood in some record and are not among
    ours, `absent_fields` stood in none.
    """

    envelope: Envelope
    rows: pa.Table
    rejects: pa.Table
    tags: pa.Table
    unknown_fields: frozenset[str]
    absent_fields: frozenset[str]

    @property
    def item_count(self) -> int:
        """How many items the server sent, readable or not."""
        return int(self.rows.num_rows + self.rejects.num_rows)

    @property
    def has_ids(self) -> bool:
        """Whether each record has an identifier of its own."""
        return "id" in self.rows.column_names

    @property
    def ids(self) -> pa.ChunkedArray:
        """The ids of all items that have one, in no promised order."""
        rejected = self.rejects["id"].drop_null()
        readable = self.rows["id"].chunks if self.has_ids else []
        return pa.chunked_array(readable + rejected.chunks, pa.string())

    @property
    def beginning(self) -> "Page":
        """The page with its first row and its first reject alone."""
        return replace(self, rows=self.rows.slice(0, 1), rejects=self.rejects.slice(0, 1))

    @property
    def identities(self) -> Iterator[int]:
        """Hashes by which a page that came before is recognised.

        Of its ids and of rejects without one, or of all its rows together where these have no ids:
        two equal rows may then stand on two pages.
        """
        yield from map(hash, self.ids.to_pylist())
        anonymous = self.rejects.filter(pc.is_null(self.rejects["id"]))
        yield from map(hash, anonymous["record"].to_pylist())
        if not self.has_ids and self.rows.num_rows:
            yield hash(repr(self.rows.to_pylist()))
