"""Answers as Partner Center's referrals endpoint does."""

import json
import random
import threading
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from partner_center_sandbox.behaviour import Behaviour, RecordedRequest
from partner_center_sandbox.faults import api_error
from partner_center_sandbox.query import WRONG_AUDIENCE, Query, Refused, read_query
from partner_center_sandbox.store import Store
from partner_center_sandbox.tokens import ANALYTICS_AUDIENCE, Tokens

REFERRALS_PATH = "/partner/v1/analytics/referrals"

# Both are sent back, so that a client finds its own call again (Partner Center REST headers).
_ID_HEADERS = ("ms-requestid", "ms-correlationid")
_JSON_TYPES = ("application/json", "application/*", "*/*")


class ReferralsApi:
    """The answer to each request, from what the store holds and as the behaviour wants it."""

    def __init__(
        self, store: Store, tokens: Tokens, behaviour: Behaviour, closing: threading.Event
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._behaviour = behaviour
        self._closing = closing
        self._shuffle_count = 0

    def __call__(self, request: RecordedRequest) -> Response:
        hook = self._behaviour.on_request
        response = hook(request) if hook else None
        return response if response is not None else self._answer(request)

    def _answer(self, request: RecordedRequest) -> Response:
        try:
            self._check(request)
            query = read_query(request.params, self._behaviour)
            body = self._groups(query) if query.groupby else self._page(query, request)
            response = Response(body, media_type="application/json")
        except Refused as refusal:
            response = api_error(refusal.status, str(refusal), refusal.code)
        for name in _ID_HEADERS:
            if name in request.headers:
                response.headers[name] = request.headers[name]
        # Waiting for the end of the sandbox, so that a slow page does not keep it from closing.
        self._closing.wait(self._behaviour.page_delay_seconds)
        return response

    def _check(self, request: RecordedRequest) -> None:
        if request.path != REFERRALS_PATH:
            raise Refused(404, f"There is nothing at {request.path}.")
        if request.method != "GET":
            raise Refused(405, f"{request.method} is not allowed here; use GET.")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        audience = self._tokens.audience_of(token.strip())
        if scheme.lower() != "bearer" or audience is None:
            raise Refused(401, "The access token is missing, unknown or no longer valid.")
        if audience != ANALYTICS_AUDIENCE:
            raise Refused(401, f"The access token is for {audience}.", WRONG_AUDIENCE)
        accepted = request.headers.get("accept", "*/*").lower().split(",")
        if not any(kind.split(";")[0].strip() in _JSON_TYPES for kind in accepted):
            raise Refused(406, "Only application/json can be answered.")
        for name in _ID_HEADERS:
            if name in request.headers and not _is_guid(request.headers[name]):
                raise Refused(400, f"The header {name} is no GUID.")

    def _groups(self, query: Query) -> bytes:
        groups = self._store.count_groups(query.groupby, query.level, query.condition)
        rows = [json.dumps(group).encode() for group in groups][: self._behaviour.grouped_limit]
        page = rows[query.skip : query.skip + query.top]
        return _envelope(page, len(rows), None, self._behaviour)

    def _page(self, query: Query, request: RecordedRequest) -> bytes:
        behaviour = self._behaviour
        rows = self._store.select(query.condition)
        if behaviour.shuffle:
            self._shuffle_count += 1
            order = random.Random(self._shuffle_count)  # noqa: S311 - tests have to be repeatable
            rows = order.sample(rows, len(rows))
        start = 0 if behaviour.ignores_skip else query.skip
        page = rows[start : start + query.top][: behaviour.short_pages]
        next_link = None
        if behaviour.next_link == "real" and start + len(page) < len(rows):
            next_params = request.params | {"skip": str(start + len(page))}
            next_link = f"http://{request.headers['host']}{request.path}?{urlencode(next_params)}"
        return _envelope(page, len(rows), next_link, behaviour)


def _envelope(rows: list[bytes], total: int, next_link: str | None, behaviour: Behaviour) -> bytes:
    if behaviour.envelope == "array":
        return b"[" + b",".join(rows) + b"]"
    rest = ""
    if behaviour.next_link != "none":
        rest += f',"@nextLink":{json.dumps(next_link)}'
    if behaviour.has_total:
        name = "TotalCount" if behaviour.envelope == "Value" else "totalCount"
        rest += f',"{name}":{total + behaviour.total_offset}'
    opening = f'{{"{behaviour.envelope}":['
    return b"".join((opening.encode(), b",".join(rows), b"]", rest.encode(), b"}"))


def _is_guid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
