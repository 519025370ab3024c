"""Publishing never replaces the warehouse and never deletes what somebody else wrote."""

import shutil

import pytest

from partner_referrals.errors import UsageError
from partner_referrals.publish.publish import publish
from support.loads import make_warehouse
from support.records import referral


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A warehouse with one referral; not to be written to."""
    return make_warehouse(tmp_path_factory.mktemp("loaded") / "referrals.duckdb", [referral("r1")])


@pytest.fixture
def own(loaded, tmp_path):
    """A copy of it in a directory of its own."""
    place = tmp_path / "own"
    place.mkdir()
    return shutil.copy(loaded, place / "referrals.duckdb")


@pytest.mark.parametrize("name", ["own", "link", "own/../own"])
def test_directory_of_the_warehouse_is_refused(own, tmp_path, name):
    """By whichever path it is named, and before anything is written there."""
    (tmp_path / "link").symlink_to(tmp_path / "own")
    before = {path.name: path.read_bytes() for path in own.parent.iterdir()}

    with pytest.raises(UsageError, match="holds the warehouse"):
        publish(own, tmp_path / name)

    assert before == {path.name: path.read_bytes() for path in own.parent.iterdir()}


def test_hard_link_to_the_warehouse_is_refused(own, tmp_path):
    """A published copy would take the place of the file that the load writes."""
    target = tmp_path / "bi"
    target.mkdir()
    (target / "referrals.duckdb").hardlink_to(own)

    with pytest.raises(UsageError, match="holds the warehouse"):
        publish(own, target)


@pytest.mark.slow
def test_files_of_others_stay(loaded, tmp_path):
    """Only what our own manifest names is removed; the directory is made where its parent is."""
    target = tmp_path / "bi"
    publish(loaded, target)
    other = target / "partner_center" / "customers.parquet"
    other.write_bytes(b"of somebody else")

    publish(loaded, target)

    assert b"of somebody else" == other.read_bytes()
