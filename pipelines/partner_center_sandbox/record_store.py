"""Holds records as raw JSON in the order in which they came."""

import itertools
import json
import threading
from collections.abc import Iterable
from typing import Any

from partner_center_sandbox.json_records import body_and_key

Record = dict[str, Any] | str


class RecordStore:
    """Records by their id; a changed record keeps its place.

    `initial` is read at the first use, so that a stand-in that is not asked for a resource makes
    none of its records. Initial records without an id, or with one that came before, are kept too.
    """

    def __init__(self, initial: Iterable[Record] = ()) -> None:
        self._initial: Iterable[Record] = initial
        # By id; by a number where a record has none, or one that came before.
        self._bodies: dict[str | int, bytes] = {}
        self._numbers = itertools.count()
        self._deleted: set[str] = set()
        self._rows: list[bytes] | None = None
        self._lock = threading.RLock()

    def put(self, *records: Record) -> None:
        """Replace records by their id, or append those that are new or have none."""
        if not records:
            return
        with self._lock:
            self.rows()
            for record in records:
                body, key = body_and_key(record)
                self._bodies[next(self._numbers) if key is None else key] = body
            self._forget()

    def put_unless_deleted(self, records: Iterable[dict[str, Any]]) -> None:
        """Put records, but none whose id was deleted before."""
        self.put(*(record for record in records if str(record.get("id")) not in self._deleted))

    def delete(self, record_id: str) -> None:
        """Remove the record with this id for good; KeyError if there is none."""
        with self._lock:
            self.rows()
            del self._bodies[record_id]
            self._deleted.add(record_id)
            self._forget()

    def rows(self) -> list[bytes]:
        """Every record as it is served. The caller must not change the list."""
        with self._lock:
            initial, self._initial = self._initial, ()
            for record in initial:
                body, key = body_and_key(record)
                place: str | int | None = key
                if place is None or place in self._bodies:
                    place = next(self._numbers)
                self._bodies[place] = body
            if self._rows is None:
                self._rows = list(self._bodies.values())
            return self._rows

    def records(self) -> list[dict[str, Any]]:
        """What a full listing would give now, in the order of the store."""
        return [json.loads(body) for body in self.rows()]

    def _forget(self) -> None:
        """Called after every change, with the lock held."""
        self._rows = None
