"""Keeps the tags of the current deals."""

import duckdb

from partner_center.listing.lister import Listing
from partner_referrals.warehouse.connection import transaction

_TAGS = "partner_center.engagement_tags"


def replace_tags(connection: duckdb.DuckDBPyConnection, listing: Listing) -> None:
    """Give each record of a listing the tags that it was received with, in one transaction."""
    if not listing.tag_files:
        return
    connection.execute(
        "create or replace temp table listed_ids as select distinct id from read_parquet($1)",
        [[str(file) for file in listing.row_files]],
    )
    # Of an id that was received several times the last tags count.
    connection.execute(
        "create or replace temp table received_tags as select distinct id, kind, value from ("
        "    from read_parquet($1, filename = 'reading')"
        "    qualify reading = max(reading) over (partition by id)"
        ") semi join listed_ids using (id)",
        [[str(file) for file in listing.tag_files]],
    )
    connection.execute(
        "create or replace temp table known_tags as "
        f"select id, kind, value from {_TAGS} semi join listed_ids using (id)"
    )
    changed = connection.execute(
        "select count(*) from ((from received_tags except from known_tags) "
        "union all (from known_tags except from received_tags))"
    ).fetchall()
    if changed == [(0,)]:
        return
    with transaction(connection):
        connection.execute(f"delete from {_TAGS} where id in (select id from listed_ids)")
        connection.execute(f"insert into {_TAGS} by name from received_tags")
