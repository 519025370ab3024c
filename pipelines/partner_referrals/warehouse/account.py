"""The account that a warehouse belongs to: one, so that two sources never mix."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import duckdb

from partner_center.sign_in.identity import Identity
from partner_referrals.errors import UsageError
from partner_referrals.warehouse.connection import has_load
from partner_referrals.warehouse.tables import has_table

_TABLE = """
create schema if not exists settings;
create table if not exists settings.account (
    tenant_id varchar, base_host varchar not null, written_at timestamp not null
);
"""


@dataclass(frozen=True)
class Account:
    """The organisation whose referrals these are: its tenant, or else the endpoint's host."""

    tenant_id: str | None
    base_host: str

    @property
    def name(self) -> str:
        """How a message names the account."""
        return f"tenant {self.tenant_id}" if self.tenant_id else f"host {self.base_host}"


def account_of(identity: Identity, base_url: str) -> Account:
    """The account that signs in."""
    return Account(identity.tenant_id, urlsplit(base_url).hostname or base_url)


def read_account(connection: duckdb.DuckDBPyConnection) -> Account | None:
    """The account written down in the warehouse; None before its first load."""
    try:
        rows = connection.execute("select tenant_id, base_host from settings.account").fetchall()
    except duckdb.CatalogException:
        return None
    return Account(*rows[0]) if rows else None


def is_published_copy(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether this is what `referrals publish` made.

    It has a load that succeeded, but neither an account, as a warehouse has, nor dlt's tables, as
    one of an older version has.
    """
    if not has_load(connection) or read_account(connection) is not None:
        return False
    return not has_table(connection, "_dlt_version")


def restore_account(connection: duckdb.DuckDBPyConnection) -> None:
    """Write down the account of the loads so far, where only their runs tell it."""
    runs = connection.execute(
        "select tenant_id, base_url from partner_center.load_runs "
        "where succeeded and base_url is not null order by tenant_id is null, started_at limit 1"
    ).fetchall()
    for tenant_id, base_url in runs:
        write_account(connection, account_of(Identity(tenant_id), base_url))


def require_same_account(known: Account | None, account: Account, *, same_account: bool) -> None:
    """Raise UsageError where the warehouse belongs to another account.

    A mere host and something else are taken for one account only if `same_account` says so.
    """
    if known is None or _is_same(known, account, same_account):
        return
    hint = (
        ""
        if known.tenant_id and account.tenant_id
        else " If both are the same organisation, say so once with --same-account."
    )
    raise UsageError(
        f"This warehouse holds the referrals of {known.name}, but {account.name} signs in. Nothing "
        f"was listed or changed. Load into another file with --warehouse.{hint}"
    )


def _is_same(known: Account, account: Account, same_account: bool) -> bool:
    if known.tenant_id and account.tenant_id:
        return known.tenant_id == account.tenant_id
    is_mere_host = not (known.tenant_id or account.tenant_id)
    return same_account or (is_mere_host and known.base_host == account.base_host)


def write_account(connection: duckdb.DuckDBPyConnection, account: Account) -> None:
    """Write the account down, unless the warehouse already knows its tenant."""
    connection.execute(_TABLE)
    known = read_account(connection)
    if known is None or (not known.tenant_id and known != account):
        connection.execute("delete from settings.account")
        connection.execute(
            "insert into settings.account values ($1, $2, current_localtimestamp())",
            [account.tenant_id, account.base_host],
        )
