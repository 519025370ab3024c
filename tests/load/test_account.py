"""A warehouse belongs to one account, and only the user who verified it judges what vanished."""

import shutil

import duckdb
import pytest

from partner_center.sign_in.identity import Identity
from partner_center_sandbox.tokens import TokenUser, unsigned_jwt
from partner_referrals.errors import UsageError
from partner_referrals.publish.publish import publish
from partner_referrals.warehouse.account import (
    Account,
    account_of,
    read_account,
    require_same_account,
    write_account,
)
from support.records import referral

CONTOSO = Account("contoso", "api.example")
FABRIKAM = Account("fabrikam", "api.example")
HOST = Account(None, "api.example")


@pytest.mark.parametrize(
    ("known", "account", "same_account", "is_accepted"),
    [
        (None, CONTOSO, False, True),
        (CONTOSO, CONTOSO, False, True),
        (CONTOSO, FABRIKAM, False, False),
        (CONTOSO, FABRIKAM, True, False),
        (HOST, HOST, False, True),
        (HOST, Account(None, "other.example"), False, False),
        (HOST, Account(None, "other.example"), True, True),
        (HOST, CONTOSO, False, False),
        (HOST, CONTOSO, True, True),
        (CONTOSO, HOST, False, False),
        (CONTOSO, HOST, True, True),
    ],
)
def test_account_is_compared(known, account, same_account, is_accepted):
    """Tenants decide; a mere host and something else are the same only if the user says so."""
    if is_accepted:
        require_same_account(known, account, same_account=same_account)
        return
    with pytest.raises(UsageError, match="--warehouse"):
        require_same_account(known, account, same_account=same_account)


def test_best_known_account_is_written_down():
    """A host takes the place of the host before it, a tenant that of a host, for good."""
    written = []
    with duckdb.connect() as connection:
        for account in (HOST, Account(None, "other.example"), CONTOSO, HOST):
            write_account(connection, account)
            written.append(read_account(connection))

    assert [HOST, Account(None, "other.example"), CONTOSO, CONTOSO] == written


def test_host_is_taken_without_its_port():
    """A stand-in gets another port at each start."""
    assert Account(None, "127.0.0.1") == account_of(Identity(), "http://127.0.0.1:8080")


def use_token(monkeypatch, **claims):
    monkeypatch.setenv(
        "SOURCES__PARTNER_CENTER__CREDENTIALS__ACCESS_TOKEN",
        claims.pop("token", None) or unsigned_jwt(claims),
    )


def test_load_of_another_account_is_refused_before_listing(serve, load, ask, monkeypatch):
    """Both accounts are named, nothing is requested, and the warehouse is as it was."""
    sandbox = serve(referral("r1"))
    run = load()
    sandbox.behaviour.token_user = TokenUser(tenant_id="another-tenant")
    sandbox.revoke_access_tokens()
    use_token(monkeypatch, token=sandbox.access_token)
    listed = len(sandbox.requests)

    with pytest.raises(UsageError, match=rf"{run.tenant_id}.*another-tenant"):
        load(full=True)

    assert listed == len(sandbox.requests)
    assert [(1,)] == ask("select count(*) from partner_center.referrals")


def test_narrower_role_lets_nothing_vanish(serve, load, notes, monkeypatch):
    """Another user may see fewer referrals: what is missing is not judged, and that is said."""
    sandbox = serve(*(referral(f"r{number}") for number in range(20)))
    load(full=True)
    sandbox.behaviour.token_user = TokenUser(user_id="another-user")
    sandbox.revoke_access_tokens()
    use_token(monkeypatch, token=sandbox.access_token)
    sandbox.delete("r3")

    run = load(full=True)

    assert (0, False, "another-user") == (run.rows_vanished, run.reconciled, run.user_id)
    assert any("not the one of the last verified" in warning for warning in notes.warnings)


@pytest.mark.slow
def test_published_copy_takes_no_load(serve, load, warehouse, tmp_path):
    """It does not say whose it is, and the next publish would replace what came into it."""
    sandbox = serve(referral("r1"))
    load()
    (tmp_path / "published").mkdir()
    publish(warehouse, tmp_path / "published")
    listed = len(sandbox.requests)
    shutil.copy(tmp_path / "published" / "referrals.duckdb", warehouse)
    warehouse.chmod(0o644)

    with pytest.raises(UsageError, match="copy that 'referrals publish' made"):
        load()

    assert listed == len(sandbox.requests)


def test_warehouse_made_before_takes_the_account_of_its_next_load(serve, load, ask, warehouse):
    """Warehouses of older versions have no account."""
    serve(referral("r1"))
    run = load()
    with duckdb.connect(warehouse) as connection:
        connection.execute("drop table settings.account")

    load()

    assert [(run.tenant_id, "127.0.0.1")] == ask(
        "select tenant_id, base_host from settings.account"
    )
