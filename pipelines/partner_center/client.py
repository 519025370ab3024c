"""Requests to the referrals endpoint: signed, traceable, retried."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar
from uuid import uuid4

from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests import Client as RetryingClient
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from pipelines.errors import ReferralsError, ServerFailed, SignInRequired, UsageError
from pipelines.partner_center.envelope import BrokenAnswer
from pipelines.partner_center.settings import REFERRALS_PATH, PartnerCenterSettings
from pipelines.partner_center.throttle import Throttle

APPLICATION = "partner-referrals"

# A proxy or gateway may answer these while the server behind it is well.
_PASSING_FAILURES = range(500, 600)

Answer = TypeVar("Answer")


class RequestRefused(UsageError):
    """Partner Center answered 400: it does not take this filter, grouping or page."""


class PartnerCenterClient:
    """Reads the referrals endpoint; safe to share between threads.

    `request_count` counts every request sent, `retry_count` those sent again.
    """

    def __init__(self, settings: PartnerCenterSettings, user: AuthBase) -> None:
        self.url = f"{settings.base_url}{REFERRALS_PATH}"
        self.request_count = 0
        self.retry_count = 0
        self._user = user
        self._throttle = Throttle(settings.max_wait_seconds)
        self._transport = _Transport(self)
        self._lock = threading.Lock()
        runtime = resolve_configuration(RuntimeConfiguration())
        self._attempts = runtime.request_max_attempts
        self._retrying = RetryingClient(
            request_timeout=runtime.request_timeout,
            raise_for_status=False,
            status_codes=_PASSING_FAILURES,
            exceptions=(RequestException, BrokenAnswer),
            request_max_attempts=self._attempts,
            request_backoff_factor=runtime.request_backoff_factor,
            request_max_retry_delay=min(runtime.request_max_retry_delay, settings.max_wait_seconds),
        )

    def get(self, parameters: Mapping[str, Any], read: Callable[[bytes], Answer]) -> Answer:
        """Ask the endpoint, and return what `read` makes of the body of a 200.

        A body that `read` refuses with BrokenAnswer is asked for again, like a 5xx or a
        connection that breaks. Raises RequestRefused, SignInRequired, Throttled, ServerFailed.
        """
        answers: list[Answer] = []

        def read_body(response: Response, **_: Any) -> None:
            if response.status_code == 200:
                answers.append(read(response.content))

        throttled_count = 0
        while True:
            response = self._send(parameters, read_body)
            if response.status_code != 429:
                break
            self._throttle.hold(_requested_wait(response, throttled_count))
            throttled_count += 1
        if response.status_code != 200:
            _refuse(response)
        return answers[-1]

    def _send(self, parameters: Mapping[str, Any], read_body: Callable[..., None]) -> Response:
        try:
            return self._session().get(
                self.url,
                params=parameters,
                auth=self._user,
                hooks={"response": read_body},
                headers={
                    "Accept": "application/json",
                    "MS-RequestId": str(uuid4()),
                    "MS-PartnerCenter-Application": APPLICATION,
                },
                # A redirect would carry the token to an address that nobody configured.
                allow_redirects=False,
            )
        except (RequestException, BrokenAnswer) as error:
            raise ServerFailed(
                f"Partner Center at {self.url} gave no usable answer in {self._attempts} attempts "
                f"({_say(error)}). The warehouse is as it was; run the load again later."
            ) from error

    def _session(self) -> Session:
        """This thread's session of dlt's helper, with our transport under it."""
        session = self._retrying.session
        session.mount(self.url, self._transport)
        return session

    def before_send(self, request: PreparedRequest) -> None:
        """Wait for our turn, and give one request its place in the books."""
        self._throttle.wait()
        # Microsoft support finds a call by this id ("Partner Center REST headers").
        is_retry = "MS-CorrelationId" in request.headers
        request.headers["MS-CorrelationId"] = str(uuid4())
        with self._lock:
            self.request_count += 1
            self.retry_count += is_retry


class _Transport(HTTPAdapter):
    """Sees every request just before it leaves, the repeated ones too."""

    def __init__(self, client: PartnerCenterClient) -> None:
        self._client = client
        super().__init__(pool_maxsize=64)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        self._client.before_send(request)
        response = super().send(request, *args, **kwargs)
        # The same after a time-out, new after any answer ("Partner Center REST headers").
        request.headers["MS-RequestId"] = str(uuid4())
        return response


def _requested_wait(response: Response, throttled_count: int) -> float:
    """Seconds that a 429 asks for; doubling from one second where it does not say."""
    header = response.headers.get("Retry-After")
    if header is not None:
        try:
            return max(0.0, Retry().parse_retry_after(header)) or 1.0
        except InvalidHeader:
            pass
    return float(2**throttled_count)


def _refuse(response: Response) -> NoReturn:
    """Turn an answer that is no 200 into the error that says what to do."""
    said = f"{response.status_code} {_say_body(response)} (MS-CorrelationId {_id_of(response)})"
    match response.status_code:
        case 400:
            raise RequestRefused(
                f"Partner Center refused the request: {said}. Nothing was loaded; "
                "check --filter against the documentation of the endpoint."
            )
        case 401:
            raise SignInRequired(
                f"Partner Center refused the access token: {said}. The warehouse is as it was; "
                "sign in with 'referrals login', or give a fresh access_token."
            )
        case 403:
            raise SignInRequired(
                f"Partner Center knows the user but does not let them read referrals: {said}. "
                "Ask an administrator for the role 'Referrals admin' in Partner Center, or sign "
                "in as somebody who has it. The warehouse is as it was."
            )
        case 404:
            raise UsageError(
                f"There is no referrals endpoint at {response.url.partition('?')[0]}: {said}. "
                "Check sources.partner_center.base_url."
            )
        case status if status in _PASSING_FAILURES:
            raise ServerFailed(
                f"Partner Center kept failing: {said}. The warehouse is as it was; run the load "
                "again later, and quote the id to Microsoft support if it stays so."
            )
        case status if 300 <= status < 400:
            raise ServerFailed(
                f"Partner Center redirects to {response.headers.get('Location', 'nowhere')}; "
                "the token is not carried there. Check sources.partner_center.base_url."
            )
    raise ReferralsError(
        f"Partner Center answered {said}. The warehouse is as it was; quote the id to Microsoft "
        "support if you cannot tell why."
    )


def _id_of(response: Response) -> str:
    return str(response.request.headers["MS-CorrelationId"])


def _say_body(response: Response) -> str:
    """Code and sentence of an error body, in any shape Partner Center is known to send."""
    try:
        body = response.json()
    except ValueError:
        return response.reason or "without a reason"
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return response.reason or "without a reason"
    parts = [body.get("code"), body.get("description") or body.get("message")]
    return " ".join(str(part) for part in parts if part) or response.reason


def _say(error: Exception) -> str:
    """The cause of a failure without the addresses that requests wraps around it."""
    text = str(error)
    return text if isinstance(error, BrokenAnswer) else f"{type(error).__name__}: {text[:200]}"
