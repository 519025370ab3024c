"""A warehouse and a published copy that the version before 0.1.0 left go on as they are.

`older_warehouse.tar.xz` holds both, made by its own commands: a first load of four referrals and a
record that cannot be read; a full load in which `changed` was accepted and `gone` had left; then
`publish published`.
"""

import tarfile
from pathlib import Path

import pytest

from support.records import referral

# A warehouse each.
pytestmark = pytest.mark.slow

OLDER = Path(__file__).with_name("older_warehouse.tar.xz")
AFTER_FIRST_LOAD = "2026-11-26T03:22:40"
LISTED = (
    referral("changed", status="Accepted", acceptedDate="2026-03-10T08:00:00"),
    referral(
        "same", status="Won", acceptedDate="2026-03-02T08:00:00", wonDate="2026-03-05T00:00:00",
        customerName="Zoë's", customerMarket="FR",
    ),
    referral("undated", createdDate=None),
    referral("unreadable", createdDate="no date"),
)  # fmt: skip


@pytest.fixture
def older(tmp_path):
    with tarfile.open(OLDER) as archive:
        archive.extractall(tmp_path, filter="data")


def test_load_goes_on_with_an_older_warehouse(older, serve, referrals, ask):
    """What is unchanged gets no new version; history and rejects stay; the account is noted."""
    versions = "from partner_center.referrals order by id, valid_from"
    serve(*LISTED)
    before = ask(versions)

    assert 0 == referrals("load", "--full")[0]

    assert before == ask(versions)
    assert [(1,)] == ask("select count(*) from partner_center.referral_rejects")
    assert [("127.0.0.1", 3)] == ask(
        "select base_host, (select count(*) from partner_center.load_runs) from settings.account"
    )
    # The columns that older runs lack are there for them too.
    assert [("referrals", 3)] == ask(
        "select resource, count(*) from partner_center.load_runs group by all"
    )


def test_older_history_is_still_known(older, serve, referrals):
    """The past as it was known then, and as it is known now."""
    serve(*LISTED)
    referrals("load")
    won_or_gone = (
        "select referral_id, status from marts.referrals where status = 'New' order by all"
    )

    then = referrals("query", won_or_gone, "--format", "csv", "--known-at", AFTER_FIRST_LOAD)
    now = referrals("query", won_or_gone, "--format", "csv")

    assert (0, "referral_id,status\nchanged,New\ngone,New\nundated,New\n") == then[:2]
    assert (0, "referral_id,status\ngone,New\nundated,New\n") == now[:2]


@pytest.mark.parametrize("command", ["status", "report"])
def test_older_views_are_made_anew_when_told(older, referrals, command):
    """What reads marts that an older version lacks says how to get them; then it works."""
    code, _, told = referrals(command)

    assert 2 == code
    assert "Make them anew with 'referrals views'" in told
    assert 0 == referrals("views")[0]
    assert 0 == referrals(command)[0]


def test_older_published_copy_is_replaced(older, serve, referrals, tmp_path):
    """Its manifest names files that are ours; what others put beside them stays."""
    foreign = tmp_path / "published" / "partner_center" / "customers.parquet"
    foreign.write_bytes(b"somebody's")
    (tmp_path / "published" / "win_rates.parquet").write_bytes(b"old")
    serve(*LISTED)
    referrals("load")

    assert 0 == referrals("publish", "published")[0]

    assert b"somebody's" == foreign.read_bytes()
    assert b"old" != (tmp_path / "published" / "win_rates.parquet").read_bytes()
    assert (tmp_path / "published" / "outcomes.parquet").exists()
