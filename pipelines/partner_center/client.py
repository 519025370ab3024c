"""Reads the referrals endpoint, and says what its refusals mean."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests import Client as RetryingClient
from requests import PreparedRequest, RequestException, Response, Session
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from pipelines.errors import ReferralsError, ServerFailed, SignInRequired, UsageError
from pipelines.partner_center.envelope import BrokenAnswer
from pipelines.partner_center.settings import REFERRALS_PATH, PartnerCenterSettings, is_loopback
from pipelines.partner_center.throttle import Throttle
from pipelines.partner_center.transport import Transport, say_id

APPLICATION = "partner-referrals"

# A proxy or gateway may answer these while the server behind it is well.
_PASSING_FAILURES = range(500, 600)
# Enough of what a server says to know what it means.
_QUOTED_CHARACTERS = 300
# Of the causes of a failed request, those that say something to a person.
_SAYING = (OSError, HTTPError, HTTPException)

Answer = TypeVar("Answer")


class RequestRefused(UsageError):
    """Partner Center answered 400: it does not take this filter, grouping or page."""


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
            if response.status_code != 200 and response.status_code not in _PASSING_FAILURES:
                raise _refusal(response)
            if response.status_code == 200:
                answers.append(_read(response, read))

        response = self._send(parameters, take)
        if response.status_code != 200:
            raise _refusal(response)
        return answers[-1]

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
            failure: ReferralsError = self._failure(error)
        except OSError as error:
            # The one thing that requests lets through as it is: a bundle that does not exist.
            failure = UsageError(
                f"The certificates to trust cannot be read: {error}. Nothing was sent; correct "
                "REQUESTS_CA_BUNDLE."
            )
        # Out here it has no causes: they carry the token, and dlt's trace repeats what they say.
        raise failure

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

    def _failure(self, error: RequestException) -> ServerFailed:
        """The error for requests that had no answer at all, or none of use."""
        host = urlsplit(self.url).netloc
        distrust = _distrust(error)
        if distrust:
            return ServerFailed(
                f"The certificate of {host} is not trusted ({distrust.verify_message}), so nothing "
                "was sent. Where your network has a certificate of its own, name its file in "
                "REQUESTS_CA_BUNDLE."
            )
        cause = [each for each in _causes(error) if isinstance(each, _SAYING)][-1]
        said = _line(str(cause))
        if not isinstance(cause, _Unusable):
            said = f"{type(cause).__name__}: {said}"
        if isinstance(error.request, PreparedRequest):
            said += f" {say_id(error.request)}"
        return ServerFailed(
            f"Partner Center at {host} gave no usable answer in {self._attempts} attempts; the "
            f"last: {said}. The warehouse is as it was; run the load again later."
        )


class _Unusable(RequestException):
    """A whole answer, but no page."""


def _read(response: Response, read: Callable[[bytes], Answer]) -> Answer:
    try:
        return read(response.content)
    except BrokenAnswer as error:
        raise _Unusable(_quote(str(error), response), request=response.request) from None


def _may_pass(response: Response | None, error: BaseException | None) -> bool:
    """Whether the next attempt may fare better than this one."""
    if error is not None:
        return isinstance(error, RequestException) and _distrust(error) is None
    return response is not None and response.status_code in _PASSING_FAILURES


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and what led to it, down to the first cause."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _distrust(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """What is wrong with the server's certificate, if that is the cause."""
    found = (each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError))
    return next(found, None)


def _refusal(response: Response) -> ReferralsError:
    """The error for an answer that is no 200; it says what to do."""
    said = f"{response.status_code} {_say_body(response)} {say_id(response.request)}"
    match response.status_code:
        case 400:
            return RequestRefused(
                f"Partner Center refused the request: {said}. Nothing was loaded; "
                "check --filter against the documentation of the endpoint."
            )
        case 401:
            return SignInRequired(
                f"Partner Center refused the access token: {said}. The warehouse is as it was; "
                "sign in with 'referrals login', or give a fresh access_token."
            )
        case 403:
            return SignInRequired(
                f"Partner Center knows the user but does not let them read referrals: {said}. "
                "Ask an administrator for the role 'Referrals admin' in Partner Center, or sign "
                "in as somebody who has it. The warehouse is as it was."
            )
        case 404:
            return UsageError(
                f"There is no referrals endpoint at {response.url.partition('?')[0]}: {said}. "
                "Check sources.partner_center.base_url."
            )
        case status if status in _PASSING_FAILURES:
            return ServerFailed(
                f"Partner Center kept failing: {said}. The warehouse is as it was; run the load "
                "again later, and quote the id to Microsoft support if it stays so."
            )
        case status if 300 <= status < 400:
            target = _quote(response.headers.get("Location", "nowhere"), response)
            return ServerFailed(
                f"Partner Center redirects to {target}: {said}. The token is not carried there. "
                "Check sources.partner_center.base_url."
            )
    return ReferralsError(
        f"Partner Center answered {said}. The warehouse is as it was; quote the id to Microsoft "
        "support if you cannot tell why."
    )


def _say_body(response: Response) -> str:
    """Code and sentence of an error body, in any shape Partner Center is known to send."""
    reason = response.reason or "without a reason"
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return _quote(reason, response)
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return _quote(reason, response)
    parts = [body.get("code"), body.get("description") or body.get("message")]
    return _quote(" ".join(str(part) for part in parts if part) or reason, response)


def _quote(text: str, response: Response) -> str:
    """What a server said, without the token that we sent it."""
    token = str(response.request.headers["Authorization"]).removeprefix("Bearer ")
    return _line(text.replace(token, "***"))


def _line(text: str) -> str:
    """A text made short, and harmless for a terminal."""
    line = " ".join(text.split())[:_QUOTED_CHARACTERS]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
