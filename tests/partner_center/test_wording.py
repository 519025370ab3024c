"""Counts in messages."""

import pytest

from partner_center.resources import RESOURCES
from partner_center.wording import counted


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 searches"), (1, "1 search"), (1_200, "1,200 searches")]
)
def test_count_has_its_noun(count, said):
    """One is singular."""
    assert said == counted(count, "searches")


def test_each_resource_has_a_singular():
    """No noun of a resource is mangled."""
    found = [counted(1, resource.noun) for resource in RESOURCES.values()]

    assert ["1 referral", "1 deal", "1 search"] == found
