"""Holds the deals of the stand-in, finds and sorts them."""

from collections.abc import Iterable, Sequence

from partner_center_sandbox.engagements.filters import parse_filter
from partner_center_sandbox.engagements.query import Query
from partner_center_sandbox.json_records import parse_json
from partner_center_sandbox.record_store import Record, RecordStore

# Answers to recent queries are kept, so that the next page does not sort again.
_KEPT_SELECTIONS = 8


class DealStore(RecordStore):
    """Deals as raw JSON, in the order in which they came."""

    def __init__(self, initial: Iterable[Record] = ()) -> None:
        super().__init__(initial)
        self._selections: dict[tuple[str, str, bool], list[bytes]] = {}

    def select(self, query: Query) -> Sequence[bytes]:
        """All deals that the query finds, whatever page it asks for, in its order."""
        key = (query.filter, query.order_field, query.is_descending)
        with self._lock:
            if key not in self._selections:
                if len(self._selections) >= _KEPT_SELECTIONS:
                    self._selections.clear()
                self._selections[key] = self._find(query)
            return self._selections[key]

    def _find(self, query: Query) -> list[bytes]:
        bodies = list(self.rows())
        if query.filter:
            condition = parse_filter(query.filter)
            bodies = [body for body in bodies if condition(parse_json(body.decode()))]
        if query.order_field:
            field = query.order_field
            bodies.sort(key=lambda body: _sort_key(body, field), reverse=query.is_descending)
        return bodies

    def _forget(self) -> None:
        super()._forget()
        self._selections.clear()


def _sort_key(body: bytes, field: str) -> str:
    """The date as a text that sorts as the date does: without `Z`, `12` comes before `12.5`."""
    record = parse_json(body.decode())
    value = record.get(field) if isinstance(record, dict) else None
    return value.removesuffix("Z") if isinstance(value, str) else ""
