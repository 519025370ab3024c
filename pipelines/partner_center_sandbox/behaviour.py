"""The settings by which tests make the stand-in misbehave."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from starlette.responses import Response

from partner_center_sandbox.tokens import TokenUser


@dataclass
class RecordedRequest:
    """One request as it arrived; `status` is 0 until its answer is known.

    `params` holds the query and, for a sign-in, the posted form; header names are lower case.
    """

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    status: int = 0


# Answers in place of the stand-in, or returns None to let it answer itself.
Hook = Callable[[RecordedRequest], Response | None]


@dataclass
class EngagementsBehaviour:
    """How the engagements API answers; the defaults are those of a well-behaved server."""

    # "documented" names the stand-in itself over http, at a path where nothing is served;
    # "own_path" names the path of the listing; "circle" leads from the second page to itself;
    # "none" leaves the key out.
    next_link: Literal["documented", "own_path", "foreign_host", "circle", "none"] = "documented"
    # By how many rows each page after the first begins later than its link said: rows that came
    # before it have gone meanwhile. Negative: rows were added before it, so that some come twice.
    page_drift: int = 0
    has_count: bool = True
    # Added to the true count, for a server that miscounts.
    count_offset: int = 0
    max_top: int = 100
    # The most rows of a page, whatever `$top` asks for.
    short_pages: int | None = None
    refuses_filter: bool = False
    refuses_orderby: bool = False
    ignores_orderby: bool = False
    # The sign-in refuses tokens for this API, as where nobody consented to it.
    refuses_sign_in: bool = False
    # As for a user who has only the role Referrals admin.
    refuses_exchange_rates: bool = False


@dataclass
class Behaviour:
    """How the stand-in answers; the defaults are those of a well-behaved server.

    Every field may be changed at any time, also by a hook between two pages.
    """

    # The shape of a listing: {"Value": []}, {"items": []}, {"value": []} or a bare array.
    envelope: Literal["Value", "items", "value", "array"] = "Value"
    has_total: bool = True
    # Added to the true total, for a server that miscounts.
    total_offset: int = 0
    # "null" on every page, "none" leaves the key out, "real" leads to the next page.
    next_link: Literal["null", "none", "real"] = "null"
    # The most rows of a page, whatever `top` asks for.
    short_pages: int | None = None
    ignores_skip: bool = False
    # Every request sees the rows in another order.
    shuffle: bool = False
    refuses_filter: bool = False
    refuses_date_filter: bool = False
    refuses_groupby: bool = False
    # The most groups of a grouped answer; the others are left out silently.
    grouped_limit: int | None = None
    page_delay_seconds: float = 0.0
    on_request: Hook | None = None
    # Of access tokens issued from now on: how long they are valid, and whom they name.
    token_lifetime_seconds: float = 3600.0
    token_user: TokenUser = field(default_factory=TokenUser)
    on_token_request: Hook | None = None
    engagements: EngagementsBehaviour = field(default_factory=EngagementsBehaviour)
