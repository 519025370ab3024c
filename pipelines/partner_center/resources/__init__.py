"""The resources of Partner Center that can be loaded, each described in a module of its own."""

from partner_center.resources.engagements import ENGAGEMENTS
from partner_center.resources.referrals import REFERRALS
from partner_center.resources.resource import Resource
from partner_center.resources.search import SEARCH

RESOURCES: dict[str, Resource] = {each.name: each for each in (REFERRALS, ENGAGEMENTS, SEARCH)}

__all__ = ["ENGAGEMENTS", "REFERRALS", "RESOURCES", "SEARCH", "Resource"]
