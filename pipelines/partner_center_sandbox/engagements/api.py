"""Answers as the engagements API does: deals in pages, and exchange rates."""

import json
from hashlib import sha256
from uuid import UUID

from starlette.responses import Response

from partner_center_sandbox.behaviour import EngagementsBehaviour, RecordedRequest
from partner_center_sandbox.engagements.exchange_rates import RATES_PATH, exchange_rates_csv
from partner_center_sandbox.engagements.query import Query, read_query
from partner_center_sandbox.engagements.store import DealStore
from partner_center_sandbox.faults import Refused, engagements_error
from partner_center_sandbox.headers import check_accept, check_token, is_guid
from partner_center_sandbox.tokens import ENGAGEMENTS_AUDIENCE, Tokens

ENGAGEMENTS_PREFIX = "/v1.0/"
ENGAGEMENTS_PATH = "/v1.0/engagements/referrals"
# Documented next links name this path, at which nothing is served.
_LINK_PATH = "/v1.0/referrals"
_FOREIGN_HOST = "engagements.foreign.example"


class EngagementsApi:
    """The answer to each request to the engagements API; `last_month` is YYYYMM."""

    def __init__(
        self, deals: DealStore, tokens: Tokens, behaviour: EngagementsBehaviour, last_month: str
    ) -> None:
        self._deals = deals
        self._tokens = tokens
        self._behaviour = behaviour
        self._last_month = last_month
        self._answer_count = 0

    def __call__(self, request: RecordedRequest) -> Response:
        try:
            self._check(request)
            response = self._answer(request)
        except Refused as refusal:
            code = str(refusal.code or refusal.status)
            response = engagements_error(refusal.status, str(refusal), code)
        self._answer_count += 1
        response.headers["request-id"] = str(UUID(int=self._answer_count, version=4))
        return response

    def _check(self, request: RecordedRequest) -> None:
        if request.method != "GET":
            raise Refused(405, f"{request.method} is not allowed here; use GET.")
        check_token(request, self._tokens, ENGAGEMENTS_AUDIENCE)
        if not is_guid(request.headers.get("client-request-id", "")):
            raise Refused(400, "The header client-request-id is required and must be a GUID.")

    def _answer(self, request: RecordedRequest) -> Response:
        rates = RATES_PATH.fullmatch(request.path)
        if rates:
            if self._behaviour.refuses_exchange_rates:
                raise Refused(403, "Exchange rates need the role Admin agent or Sales agent.")
            return Response(
                exchange_rates_csv(rates["month"], self._last_month), 200, None, "text/csv"
            )
        if request.path != ENGAGEMENTS_PATH:
            raise Refused(404, f"There is nothing at {request.path}.")
        check_accept(request)
        body = self._page(read_query(request.params, self._behaviour), request.headers["host"])
        etag = f'"{sha256(body).hexdigest()[:16]}"'
        return Response(body, media_type="application/json", headers={"ETag": etag})

    def _page(self, query: Query, host: str) -> bytes:
        behaviour = self._behaviour
        found = self._deals.select(query)
        start = query.offset + (behaviour.page_drift if query.offset else 0)
        page = found[start : start + query.top][: behaviour.short_pages]
        opening: dict[str, object] = {
            "@odata.context": f"http://{host}/v1.0/$metadata#engagements/referrals"
        }
        if behaviour.has_count:
            opening["@odata.count"] = len(found) + behaviour.count_offset
        closing = ""
        end = start + len(page)
        if end < len(found) and behaviour.next_link != "none":
            if behaviour.next_link == "circle" and query.offset:
                end = query.offset
            rest = Query(query.filter, query.order_field, query.is_descending, query.top, end)
            closing = f',"@odata.nextLink":{json.dumps(self._next_link(rest, host))}'
        parts = (json.dumps(opening)[:-1].encode(), b',"value":[', b",".join(page), b"]")
        return b"".join((*parts, closing.encode(), b"}"))

    def _next_link(self, rest: Query, host: str) -> str:
        match self._behaviour.next_link:
            case "own_path":
                place = f"http://{host}{ENGAGEMENTS_PATH}"
            case "foreign_host":
                place = f"http://{_FOREIGN_HOST}{_LINK_PATH}"
            case _:
                place = f"http://{host}{_LINK_PATH}"
        return f"{place}?$skiptoken={rest.skip_token()}"
