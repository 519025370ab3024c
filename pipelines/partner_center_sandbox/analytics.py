"""Answers as the analytics API does: listings and grouped counts of one resource."""

import json
import random
from urllib.parse import urlencode

from starlette.responses import Response

from partner_center_sandbox.behaviour import Behaviour, RecordedRequest
from partner_center_sandbox.faults import Refused, api_error
from partner_center_sandbox.headers import check_accept, check_token, is_guid
from partner_center_sandbox.query import Query, read_query
from partner_center_sandbox.store import Store
from partner_center_sandbox.tokens import ANALYTICS_AUDIENCE, Tokens

# Both are sent back, so that a client finds its own call again (Partner Center REST headers).
_ID_HEADERS = ("ms-requestid", "ms-correlationid")


class AnalyticsApi:
    """The answer to each request to the analytics API; `stores` has one store for each path."""

    def __init__(self, stores: dict[str, Store], tokens: Tokens, behaviour: Behaviour) -> None:
        self._stores = stores
        self._tokens = tokens
        self._behaviour = behaviour
        self._shuffle_count = 0

    def __call__(self, request: RecordedRequest) -> Response:
        try:
            self._check(request)
            store = self._stores[request.path]
            query = read_query(request.params, self._behaviour, store.resource)
            body = (
                self._groups(query, store) if query.groupby else self._page(query, store, request)
            )
            response = Response(body, media_type="application/json")
        except Refused as refusal:
            response = api_error(refusal.status, str(refusal), refusal.code)
        for name in _ID_HEADERS:
            if name in request.headers:
                response.headers[name] = request.headers[name]
        return response

    def _check(self, request: RecordedRequest) -> None:
        if request.path not in self._stores:
            raise Refused(404, f"There is nothing at {request.path}.")
        if request.method != "GET":
            raise Refused(405, f"{request.method} is not allowed here; use GET.")
        check_token(request, self._tokens, ANALYTICS_AUDIENCE)
        check_accept(request)
        for name in _ID_HEADERS:
            if name in request.headers and not is_guid(request.headers[name]):
                raise Refused(400, f"The header {name} is not a GUID.")

    def _groups(self, query: Query, store: Store) -> bytes:
        groups = store.count_groups(query.groupby, query.level, query.condition)
        rows = [json.dumps(group).encode() for group in groups][: self._behaviour.grouped_limit]
        page = rows[query.skip : query.skip + query.top]
        return _envelope(page, len(rows), None, self._behaviour)

    def _page(self, query: Query, store: Store, request: RecordedRequest) -> bytes:
        behaviour = self._behaviour
        rows = store.select(query.condition)
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
