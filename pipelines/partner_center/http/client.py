"""Sends GET requests to Partner Center: signed, traceable, retried."""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

from requests import PreparedRequest, Request, RequestException, Response, Session

from partner_center.configuration import read_runtime
from partner_center.endpoints import is_loopback
from partner_center.errors import UsageError, reason_of
from partner_center.http.body import AnswerTooLarge, to_utf8
from partner_center.http.failures import (
    PASSING_FAILURES,
    Unusable,
    failure,
    find_certificate_error,
    quote,
    refusal,
)
from partner_center.http.throttle import Throttle
from partner_center.http.transport import TIMEOUT_STATUSES, Transport
from partner_center.records.envelope import BrokenAnswer
from partner_center.resources import REFERRALS, Resource
from partner_center.settings import PartnerCenterSettings
from partner_center.sign_in.identity import Identity
from partner_center.sign_in.user import PartnerUser

APPLICATION = "partner-referrals"
RETRIED_STATUSES = (*TIMEOUT_STATUSES, *PASSING_FAILURES)

# Seconds without a word that look as if nothing went on.
_LONG_DELAY = 2.0
# So many answers are read while as many requests as configured are under way.
_ANSWERS_READ_AT_ONCE = 2
# What a 204 stands for.
_NO_ROWS = b"[]"

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


class PartnerCenterClient:
    """Reads the endpoint of one resource; safe to share between threads."""

    def __init__(
        self,
        settings: PartnerCenterSettings,
        user: PartnerUser,
        resource: Resource = REFERRALS,
    ) -> None:
        self.resource = resource
        self.base_url = resource.base_url(settings)
        self.url = resource.url(settings)
        self._user = user
        # Plain HTTP to this machine must not leave it through a proxy.
        self._proxies = {"no_proxy": "*"} if is_loopback(self.url) else {}
        runtime = read_runtime()
        self._attempts = runtime.request_max_attempts
        self._backoff_factor = runtime.request_backoff_factor
        self._max_delay = min(runtime.request_max_retry_delay, settings.max_wait_seconds)
        self.worker_count = settings.parallel_requests
        if self.worker_count > 1:
            # One after another stay in their order.
            self.worker_count += _ANSWERS_READ_AT_ONCE
        self._throttle = Throttle(settings.max_wait_seconds, settings.parallel_requests)
        self._transport = Transport(self._throttle, runtime.request_timeout)

    def identity(self) -> Identity:
        """Who signs the requests: tenant, user and methods, as far as that is known."""
        return self._user.identity()

    @property
    def request_count(self) -> int:
        """How many requests were sent, retries included."""
        return self._transport.request_count

    @property
    def retry_count(self) -> int:
        """How many of them were retries."""
        return self._transport.retry_count

    def get(
        self,
        parameters: Mapping[str, Any] | str,
        read: Callable[[bytes], Answer],
        path: str | None = None,
    ) -> Answer:
        """Request the endpoint, and return what `read` makes of the body of a 200.

        A text as `parameters` is a query that is sent as it is. `path` names another endpoint of
        the same API, whose answers need not be JSON.
        Retries timeouts, 5xx, broken connections and bodies for which `read` raises BrokenAnswer,
        and logs a warning before each long wait.
        Raises RequestRefused, SignInRequired, Throttled, ServerFailed.
        """
        noun = self.resource.noun if path is None else "exchange rates"
        session = self._session()
        request = session.prepare_request(
            Request(
                "GET",
                self.url if path is None else f"{self.base_url}{path}",
                params=parameters,
                auth=self._user,
                headers={
                    "Accept": "application/json" if path is None else "text/csv, */*",
                    # Of "deflate" servers send two kinds.
                    "Accept-Encoding": "gzip",
                    "MS-RequestId": str(uuid4()),
                    "MS-PartnerCenter-Application": APPLICATION,
                },
            )
        )
        for attempt in range(1, self._attempts + 1):
            try:
                response = self._send(session, request)
                if response.status_code not in RETRIED_STATUSES or attempt == self._attempts:
                    if response.status_code not in (200, 204):
                        raise refusal(response, self.resource, noun)
                    return _read(response, read)
            except RequestException as error:
                if attempt == self._attempts or not _may_pass(error):
                    failed = failure(error, self.url, attempt)
                    break
            delay = min(self._max_delay, self._backoff_factor * 2 ** (attempt - 1))
            if delay >= _LONG_DELAY:
                _log.warning(
                    "Partner Center gave no usable answer at attempt %d of %d; asking again in "
                    "%.0f s.", attempt, self._attempts, delay,
                )  # fmt: skip
            self._throttle.sleep(delay)
        # Raised outside of the `except`: the chained cause would carry the token into dlt's trace.
        raise failed

    def _session(self) -> Session:
        """A session over the shared transport; it keeps no cookies from one request to another."""
        session = _Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._transport)
        return session

    def _send(self, session: Session, request: PreparedRequest) -> Response:
        options = session.merge_environment_settings(self.url, self._proxies, None, None, None)
        try:
            return session.send(request, **options)
        except RequestException:
            raise
        except OSError as error:
            # requests does not wrap the error for a certificate bundle that does not exist.
            failed = UsageError(
                f"The trusted certificates cannot be read: {reason_of(error)}. Nothing was sent; "
                "correct REQUESTS_CA_BUNDLE."
            )
        raise failed

    @contextmanager
    def workers(self) -> Iterator[ThreadPoolExecutor]:
        """Threads for requests and the reading of their answers, `worker_count` of them.

        Nobody waits for what is still under way at the end of the block: it gets no answer.
        """
        pool = ThreadPoolExecutor(self.worker_count)
        try:
            yield pool
        finally:
            with self._throttle.cancelled():
                self._transport.cut()
                pool.shutdown(cancel_futures=True)


def _may_pass(error: RequestException) -> bool:
    """Whether the same request may succeed at another attempt."""
    return find_certificate_error(error) is None and not isinstance(error, AnswerTooLarge)


class _Session(Session):
    """Follows no redirect, which would carry the token to an address that nobody configured."""

    def get_redirect_target(self, resp: Response) -> None:
        return None


def _read(response: Response, read: Callable[[bytes], Answer]) -> Answer:
    """What `read` makes of a 200."""
    try:
        return read(_body(response))
    except BrokenAnswer as error:
        raise Unusable(quote(str(error), response), request=response.request) from None


def _body(response: Response) -> bytes:
    return _NO_ROWS if response.status_code == 204 else to_utf8(response.content, response.encoding)
