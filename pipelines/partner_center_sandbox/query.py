"""Reads the query of a request to the analytics API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from partner_center_sandbox.behaviour import Behaviour
from partner_center_sandbox.faults import Refused
from partner_center_sandbox.filters import Condition, FilterRefused, parse_filter
from partner_center_sandbox.resources import AnalyticsResource
from partner_center_sandbox.store import Level

# "The page limit is 10000. Takes any value less than 10000" (Partner Center docs).
MAX_TOP = 9_999
# Undocumented. So small that tests notice a client that forgets `top` or the next page.
DEFAULT_TOP = 100


@dataclass(frozen=True)
class Query:
    """What a request asks for; `groupby` is empty for a plain listing."""

    condition: Condition | None
    groupby: tuple[str, ...]
    level: Level
    top: int
    skip: int


def read_query(
    params: Mapping[str, str], behaviour: Behaviour, resource: AnalyticsResource
) -> Query:
    """The query, or Refused with 400. Unknown parameters are ignored.

    A grouped answer holds every group unless `top` is given. Dates are grouped by day unless
    `aggregationLevel` is given.
    """
    groupby = _groupby(params, behaviour, resource)
    return Query(
        condition=_condition(params, behaviour, resource),
        groupby=groupby,
        level=_level(params),
        top=_number(params, "top", 1, MAX_TOP, default=MAX_TOP if groupby else DEFAULT_TOP),
        skip=_number(params, "skip", 0, 2**31 - 1, default=0),
    )


def _condition(
    params: Mapping[str, str], behaviour: Behaviour, resource: AnalyticsResource
) -> Condition | None:
    if "filter" not in params:
        return None
    if behaviour.refuses_filter:
        raise Refused(400, "filter is not supported.")
    try:
        condition = parse_filter(params["filter"], resource)
    except FilterRefused as refusal:
        raise Refused(400, str(refusal)) from refusal
    if behaviour.refuses_date_filter and condition.has_dates:
        raise Refused(400, "Dates are not supported in a filter.")
    return condition


def _groupby(
    params: Mapping[str, str], behaviour: Behaviour, resource: AnalyticsResource
) -> tuple[str, ...]:
    if "groupby" not in params:
        return ()
    if behaviour.refuses_groupby:
        raise Refused(400, "groupby is not supported.")
    fields = tuple(name.strip() for name in params["groupby"].split(","))
    for name in fields:
        if name not in resource.fields:
            raise Refused(400, f"groupby: a {resource.item} has no field {name!r}.")
    if len(set(fields)) < len(fields):
        raise Refused(400, "groupby names a field twice.")
    return fields


def _level(params: Mapping[str, str]) -> Level:
    level = params.get("aggregationLevel", "day")
    if "aggregationLevel" in params and "groupby" not in params:
        raise Refused(400, "aggregationLevel requires a groupby.")
    for known in get_args(Level):
        if level.lower() == known:
            return known  # type: ignore[no-any-return]
    raise Refused(400, f"aggregationLevel is day, week or month, not {level}.")


def _number(params: Mapping[str, str], name: str, lowest: int, highest: int, default: int) -> int:
    text = params.get(name, str(default))
    # isdecimal alone would accept the digits of other scripts.
    if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
        raise Refused(400, f"{name} is a whole number from {lowest} to {highest}, not {text}.")
    return int(text)
