"""Passes each request to the API that it is for."""

import threading

from starlette.responses import Response

from partner_center_sandbox.behaviour import Behaviour, RecordedRequest
from partner_center_sandbox.engagements.api import ENGAGEMENTS_PREFIX
from partner_center_sandbox.server import Answer


class Api:
    """Both APIs on one port: the engagements API under `/v1.0/`, else the analytics API."""

    def __init__(
        self, analytics: Answer, engagements: Answer, behaviour: Behaviour, closing: threading.Event
    ) -> None:
        self._analytics = analytics
        self._engagements = engagements
        self._behaviour = behaviour
        self._closing = closing

    def __call__(self, request: RecordedRequest) -> Response:
        hook = self._behaviour.on_request
        response = hook(request) if hook else None
        if response is None:
            is_engagements = request.path.startswith(ENGAGEMENTS_PREFIX)
            response = (self._engagements if is_engagements else self._analytics)(request)
            # Waits for the end of the sandbox, so that a slow page does not keep it from closing.
            self._closing.wait(self._behaviour.page_delay_seconds)
        return response
