"""Reads the query of a request to the engagements API."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from partner_center_sandbox.behaviour import EngagementsBehaviour
from partner_center_sandbox.engagements.filters import parse_filter
from partner_center_sandbox.faults import Refused
from partner_center_sandbox.filters import FilterRefused

# The documented maximum; also the size of a page without $top, which no document states.
MAX_TOP = 100
_ORDER_FIELDS = ("createdDateTime", "updatedDateTime")
_OPTIONS = {"$filter", "$orderby", "$top", "$skiptoken"}


@dataclass(frozen=True)
class Query:
    """What a request asks for; `order_field` is empty where the order is left to the server."""

    filter: str = ""
    order_field: str = ""
    is_descending: bool = False
    top: int = MAX_TOP
    offset: int = 0

    def skip_token(self) -> str:
        """The query as the text that a next link carries."""
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()


def read_query(params: Mapping[str, str], behaviour: EngagementsBehaviour) -> Query:
    """The query, or Refused with 400. Beside a $skiptoken, other options are ignored."""
    unknown = {name for name in params if name.startswith("$")} - _OPTIONS
    if unknown:
        raise Refused(400, f"The query option {min(unknown)} is not supported.")
    if "$skiptoken" in params:
        return _from_skip_token(params["$skiptoken"])
    order_field, is_descending = _order(params, behaviour)
    return Query(_filter(params, behaviour), order_field, is_descending, _top(params, behaviour))


def _from_skip_token(token: str) -> Query:
    try:
        return Query(**json.loads(base64.urlsafe_b64decode(token)))
    except (ValueError, TypeError) as error:
        raise Refused(400, "The $skiptoken is not valid.") from error


def _filter(params: Mapping[str, str], behaviour: EngagementsBehaviour) -> str:
    text = params.get("$filter", "")
    if "$filter" in params:
        if behaviour.refuses_filter:
            raise Refused(400, "$filter is not supported.")
        try:
            parse_filter(text)
        except FilterRefused as refusal:
            raise Refused(400, str(refusal)) from refusal
    return text


def _order(params: Mapping[str, str], behaviour: EngagementsBehaviour) -> tuple[str, bool]:
    if "$orderby" not in params:
        return "", False
    field, _, direction = params["$orderby"].strip().partition(" ")
    direction = direction.strip() or "asc"
    is_known = field in _ORDER_FIELDS and direction in ("asc", "desc")
    if behaviour.refuses_orderby or not is_known:
        raise Refused(400, f"The query cannot be ordered by {params['$orderby']!r}.")
    return ("", False) if behaviour.ignores_orderby else (field, direction == "desc")


def _top(params: Mapping[str, str], behaviour: EngagementsBehaviour) -> int:
    text = params.get("$top", str(behaviour.max_top))
    # isdecimal alone would accept the digits of other scripts.
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= behaviour.max_top):
        raise Refused(400, f"$top is a whole number from 1 to {behaviour.max_top}, not {text}.")
    return int(text)
