"""How many records of each kind a warehouse holds."""

import duckdb

from partner_center.resources import RESOURCES
from partner_center.wording import counted
from partner_referrals.warehouse.tables import current_rows, has_table


def count_records(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many records of each kind hold now; kinds without any are left out.

    The kinds are called as messages call them, such as "referrals".
    """
    counts = {}
    for resource in RESOURCES.values():
        if has_table(connection, resource.table.name):
            rows = connection.execute(f"select count(*) from {current_rows(resource.table)}")
            (counts[resource.noun],) = rows.fetchall()[0]
    return {noun: count for noun, count in counts.items() if count}


def describe_records(counts: dict[str, int]) -> str:
    """The counts for a person, such as "12,000 referrals, 5,900 deals"."""
    return ", ".join(counted(count, noun) for noun, count in counts.items()) or "no records"
