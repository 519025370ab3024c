"""Reads the referrals endpoint: signed, traceable, retried."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests import Client as RetryingClient
from requests import RequestException, Response, Session
from requests.auth import AuthBase

from partner_center.errors import ReferralsError, UsageError
from partner_center.http.failures import (
    PASSING_FAILURES,
    RequestRefused,
    Unusable,
    failure,
    find_distrust,
    quote,
    refusal,
)
from partner_center.http.throttle import Throttle
from partner_center.http.transport import Transport
from partner_center.records.envelope import BrokenAnswer
from partner_center.settings import REFERRALS_PATH, PartnerCenterSettings, is_loopback

__all__ = ["PartnerCenterClient", "RequestRefused"]

APPLICATION = "partner-referrals"

Answer = TypeVar("Answer")


class PartnerCenterClient:
    """Reads the referrals endpoint; safe to share between threads."""

    def __init__(self, settings: PartnerCenterSettings, user: AuthBase) -> None:
        self.url = f"{settings.base_url}{REFERRALS_PATH}"
        self._user = user
        # Through a proxy, what is not encrypted on this machine would leave it so.
        self._proxies = {"no_proxy": "*"} if is_loopback(self.url) else {}
        runtime = resolve_configuration(RuntimeConfiguration())
        self._throttle = Throttle(settings.max_wait_seconds)
        self._transport = Transport(self._throttle, runtime.request_timeout)
        self._attempts = runtime.request_max_attempts
        self._retrying = RetryingClient(
            request_timeout=runtime.request_timeout,
            raise_for_status=False,
            status_codes=(),
            exceptions=(),
            retry_condition=_may_pass,
            request_max_attempts=self._attempts,
            request_backoff_factor=runtime.request_backoff_factor,
            request_max_retry_delay=min(runtime.request_max_retry_delay, settings.max_wait_seconds),
        )

    @property
    def request_count(self) -> int:
        """How many requests were sent."""
        return self._transport.request_count

    @property
    def retry_count(self) -> int:
        """How many of them were sent before."""
        return self._transport.retry_count

    def get(self, parameters: Mapping[str, Any], read: Callable[[bytes], Answer]) -> Answer:
        """Ask the endpoint, and return what `read` makes of the body of a 200.

        A body that `read` refuses with BrokenAnswer is asked for again, like a 5xx or a
        connection that breaks. Raises RequestRefused, SignInRequired, Throttled, ServerFailed.
        """
        answers: list[Answer] = []

        def take(response: Response, **_: Any) -> None:
            # Whatever is not tried again ends here, before requests looks where a redirect leads.
            if response.status_code != 200 and response.status_code not in PASSING_FAILURES:
                raise refusal(response)
            if response.status_code == 200:
                answers.append(_read(response, read))

        response = self._send(parameters, take)
        if response.status_code != 200:
            raise refusal(response)
        # Not left in the list, which lives as long as the retries do.
        return answers.pop()

    def _send(self, parameters: Mapping[str, Any], take: Callable[..., None]) -> Response:
        try:
            return self._session().get(
                self.url,
                params=parameters,
                auth=self._user,
                hooks={"response": take},
                headers={
                    "Accept": "application/json",
                    "MS-RequestId": str(uuid4()),
                    "MS-PartnerCenter-Application": APPLICATION,
                },
                proxies=self._proxies,
                # A redirect would carry the token to an address that nobody configured.
                allow_redirects=False,
            )
        except RequestException as error:
            failed: ReferralsError = failure(error, self.url, self._attempts)
        except OSError as error:
            # The one thing that requests lets through as it is: a bundle that does not exist.
            failed = UsageError(
                f"The certificates to trust cannot be read: {error}. Nothing was sent; correct "
                "REQUESTS_CA_BUNDLE."
            )
        # Out here it has no causes: they carry the token, and dlt's trace repeats what they say.
        raise failed

    def _session(self) -> Session:
        """This thread's session of dlt's helper, with our transport and patience under it."""
        session = self._retrying.session
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._transport)
        # Otherwise a thread that sleeps between two attempts could not be ended.
        session.send.retry.sleep = self._throttle.sleep  # type: ignore[attr-defined]
        return session

    @contextmanager
    def abandoning(self) -> Iterator[None]:
        """Within the block, requests that other threads are about end at once, unanswered."""
        with self._throttle.abandoned():
            self._transport.cut()
            yield


def _read(response: Response, read: Callable[[bytes], Answer]) -> Answer:
    try:
        return read(response.content)
    except BrokenAnswer as error:
        raise Unusable(quote(str(error), response), request=response.request) from None


def _may_pass(response: Response | None, error: BaseException | None) -> bool:
    """Whether the next attempt may fare better than this one."""
    if error is not None:
        return isinstance(error, RequestException) and find_distrust(error) is None
    return response is not None and response.status_code in PASSING_FAILURES
