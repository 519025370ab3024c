"""The HTTP session that MSAL uses to reach the sign-in authority, and what its failures mean."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import SSLError
from urllib3.util import Retry

from partner_center.endpoints import is_loopback
from partner_center.errors import (
    ReferralsError,
    ServerFailed,
    Throttled,
    UsageError,
    reason_of,
)
from partner_center.sign_in.refusals import is_passing, refusal

# To connect, and between two pieces of an answer.
TIMEOUT_SECONDS = (10.0, 30.0)


class _UnusableAnswer(RequestException):
    """An answer that is kept from MSAL, which would log a broken body with its tokens.

    It is a RequestException so that MSAL goes on with a token that it still has.
    """

    def __init__(self, failure: ReferralsError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _AuthorityAdapter(HTTPAdapter):
    """Reaches one host, in bounded time."""

    def __init__(self, authority: str) -> None:
        super().__init__(max_retries=_RETRIES)
        self._origin = _origin(authority)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        if _origin(request.url or "") != self._origin:
            raise _UnusableAnswer(
                ServerFailed(
                    f"The sign-in authority {self._origin[0]} refers to another host. No secret "
                    "was sent there. Check sources.partner_center.credentials.authority."
                )
            )
        kwargs["timeout"] = TIMEOUT_SECONDS
        return super().send(request, *args, **kwargs)


class _ShortRetry(Retry):
    """Retries at once; an answer with Retry-After is not retried, since a load waits elsewhere."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return not has_retry_after and super().is_retry(method, status_code)


# A request that may have arrived is not sent again: its refresh token may be spent.
_RETRIES = _ShortRetry(
    connect=2,
    status=2,
    read=0,
    other=0,
    redirect=0,
    allowed_methods=None,
    status_forcelist=(500, 502, 503, 504),
    backoff_factor=0.25,
    raise_on_status=False,
)


def authority_session(authority: str, certificate: Path | None) -> Session:
    """The session to give to MSAL: it reaches `authority` alone.

    `certificate` is trusted for an authority on this machine, and for no other.
    """
    session = Session()
    session.mount("https://", _AuthorityAdapter(authority))
    session.hooks["response"].append(_require_usable)
    # A run asks a few times an hour, so that a connection is not worth keeping.
    session.headers["Connection"] = "close"
    if is_loopback(authority):
        # No proxy for loopback; and requests lets REQUESTS_CA_BUNDLE overrule `verify` otherwise.
        session.trust_env = False
        trusted = certificate or os.environ.get("REQUESTS_CA_BUNDLE")
        session.verify = str(trusted) if trusted else True
    return session


@contextmanager
def explain_failures(authority: str) -> Iterator[None]:
    """Turn what MSAL raises while it speaks with `authority` into our errors, without causes.

    Causes are left out because they carry requests, and these carry secrets.
    """
    host = urlsplit(authority).netloc
    try:
        yield
    except _UnusableAnswer as refusal:
        raise refusal.failure from None
    except SSLError:
        raise ServerFailed(
            f"The certificate of the sign-in authority {host} is not trusted, so nothing was "
            "sent. Where your network has a certificate of its own, name its file in "
            "REQUESTS_CA_BUNDLE."
        ) from None
    except RequestException as error:
        raise ServerFailed(
            f"The sign-in authority {host} could not be reached ({type(error).__name__}). "
            "What the warehouse holds is kept; check the network and try again."
        ) from None
    except OSError as error:
        # RequestException, above, is one too; what is left is a bundle that cannot be read.
        raise UsageError(
            f"The certificates to trust cannot be read: {reason_of(error)}. Nothing was sent; "
            "correct REQUESTS_CA_BUNDLE."
        ) from None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ServerFailed(
            f"The sign-in authority {host} answered in a way that MSAL cannot use "
            f"({type(error).__name__}). What the warehouse holds is kept; check "
            "sources.partner_center.credentials.authority, and this machine's clock."
        ) from None


def _require_usable(response: Response, **_: Any) -> None:
    """Raise unless the answer is one that MSAL knows what to do with."""
    host = urlsplit(response.url).netloc
    status = response.status_code
    later = "What the warehouse holds is kept; run the command again later."
    # Read before anything is raised: an answer that is left unread keeps its connection open.
    answer = _json_object(response)
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        asks = f"to wait {wait} s" if wait.isdecimal() else "to try again later"
        raise _UnusableAnswer(Throttled(f"The sign-in authority {host} asks {asks} (429). {later}"))
    if answer is not None and is_passing(answer):
        raise _UnusableAnswer(refusal(answer, ""))
    if status >= 500:
        raise _UnusableAnswer(
            ServerFailed(f"The sign-in authority {host} keeps failing ({status}). {later}")
        )
    if answer is None:
        raise _UnusableAnswer(
            ServerFailed(
                f"The sign-in authority {host} answered {status} without JSON; perhaps a proxy or "
                f"a login page of the network answered instead. {later}"
            )
        )
    is_discovery = response.request.method == "GET"
    if is_discovery and status != 200:
        raise _UnusableAnswer(refusal({"error": "invalid_request", **answer}, ""))
    if not is_discovery and not answer.keys() & {"access_token", "device_code", "error"}:
        raise _UnusableAnswer(
            ServerFailed(f"The sign-in authority {host} answered without a token. {later}")
        )


def _json_object(response: Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _origin(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 443
