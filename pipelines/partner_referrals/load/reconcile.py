"""Whether the server's counts and the warehouse's agree, and in which months they do not."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from partner_center.listing.counts import Cell, NoCounts, ServerCounts
from partner_center.schema.fields import known_status


@dataclass(frozen=True)
class WarehouseCounts:
    """Listed referrals and rejects: per cell, and the rejects whose cell cannot be read."""

    cells: Counter[Cell]
    unplaced_count: int

    @property
    def total(self) -> int:
        """What the server should count in all."""
        return self.cells.total() + self.unplaced_count


@dataclass(frozen=True)
class Difference:
    """A cell in which the two counts differ."""

    status: str | None
    created_month: date | None
    server_count: int
    warehouse_count: int


@dataclass(frozen=True)
class Reconciliation:
    """The outcome of a comparison; `is_reconciled` is None where there was nothing to compare.

    `differences` is empty where only totals could be compared.
    """

    is_reconciled: bool | None
    differences: tuple[Difference, ...] = ()

    @property
    def months(self) -> tuple[date | None, ...]:
        """The created months that differ, the earliest first, null last."""
        months = {difference.created_month for difference in self.differences}
        return tuple(sorted(months, key=lambda month: month or date.max))


def reconcile(server: ServerCounts | NoCounts, warehouse: WarehouseCounts) -> Reconciliation:
    """Compare cell by cell where the server groups, else the totals.

    A reject without a readable cell may explain one referral too many at the server, in any cell.
    """
    if isinstance(server, NoCounts):
        return Reconciliation(None)
    if server.cells is None:
        return Reconciliation(server.total == warehouse.total)
    ours: Counter[Cell] = Counter()
    for (status, month), count in warehouse.cells.items():
        # A server may spell statuses in another case where it groups.
        ours[known_status(status), month] += count
    differences = tuple(
        Difference(*cell, server.cells[cell], ours[cell])
        for cell in server.cells.keys() | ours.keys()
        if server.cells[cell] != ours[cell]
    )
    excesses = [each.server_count - each.warehouse_count for each in differences]
    if all(excess > 0 for excess in excesses) and sum(excesses) == warehouse.unplaced_count:
        return Reconciliation(is_reconciled=True)
    return Reconciliation(is_reconciled=False, differences=_in_order(differences))


def _in_order(differences: tuple[Difference, ...]) -> tuple[Difference, ...]:
    return tuple(
        sorted(differences, key=lambda each: (each.created_month or date.max, each.status or ""))
    )
