"""Speaks with the sign-in authority on MSAL's behalf, and tells its refusals in sentences."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import SSLError
from urllib3.util import Retry

from partner_center.errors import (
    ReferralsError,
    ServerFailed,
    SignInRequired,
    Throttled,
    UsageError,
)
from partner_center.settings import is_loopback

# To connect, and between two pieces of an answer.
TIMEOUT_SECONDS = (10.0, 30.0)

# What an operator has to correct ("Microsoft Entra authentication and authorization error codes").
_WRONG_CONFIGURATION = {
    90002: "there is no such tenant: check tenant_id",
    900023: "the tenant is neither an id nor a domain: check tenant_id",
    500011: "Partner Center is not known in this tenant: check tenant_id",
    700016: "the application is not known in this tenant: check client_id and tenant_id",
    7000215: "the client secret is wrong: set client_secret to its value, not to its id",
    7000218: "the application needs its client_secret, or has to allow public client flows",
    7000222: "the client secret has expired: make a new one and set client_secret",
}
_WRONG_CONFIGURATION_ERRORS = {
    "invalid_client": "the client id or secret is refused: check client_id and client_secret",
    "invalid_request": "the request is refused: check tenant_id and client_id",
    "invalid_resource": "Partner Center is not known in this tenant: check tenant_id",
    "invalid_scope": "the application may not ask for Partner Center: check its permissions",
    "unauthorized_client": "the application may not sign in this way: check its registration",
}
# What a person has to do again.
_REFUSED = {
    50057: "the user's account is disabled",
    50076: "the user has to pass multi-factor authentication again",
    50079: "the user has to set up multi-factor authentication",
    50173: "the user's password was changed, which ended the sign-in",
    53003: "a rule of the organisation (Conditional Access) blocks this sign-in",
    65001: "nobody has consented to this application yet",
    70008: "the sign-in has expired",
    70043: "the organisation wants users to sign in more often",
    700082: "the sign-in was not used for too long and has expired",
}
_REFUSED_ERRORS = {
    "access_denied": "the sign-in was declined",
    "authorization_declined": "the sign-in was declined",
    "authorization_pending": "nobody entered the code in time",
    "code_expired": "nobody entered the code in time",
    "consent_required": "nobody has consented to this application yet",
    "expired_token": "nobody entered the code in time",
    "interaction_required": "the user has to sign in again in person",
    "invalid_grant": "the sign-in is not valid any more",
}
_PASSING_ERRORS = ("server_error", "temporarily_unavailable")


class _NoUse(RequestException):
    """An answer that MSAL must not see; a RequestException, so that it uses a token it still has.

    MSAL would log the body of a broken answer, tokens and all.
    """

    def __init__(self, failure: ReferralsError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _AuthorityAdapter(HTTPAdapter):
    """Reaches one host, in bounded time."""

    def __init__(self, authority: str) -> None:
        super().__init__(max_retries=_PASSING_FAILURES)
        self._origin = _origin(authority)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        if _origin(request.url or "") != self._origin:
            raise _NoUse(
                ServerFailed(
                    f"The sign-in authority {self._origin[0]} refers to another host. No secret "
                    "was sent there. Check sources.partner_center.credentials.authority."
                )
            )
        kwargs["timeout"] = TIMEOUT_SECONDS
        return super().send(request, *args, **kwargs)


class _Impatience(Retry):
    """Tries a few times at once; whoever names a time is not asked again here."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return not has_retry_after and super().is_retry(method, status_code)


# A request that may have arrived is not sent again: its refresh token may be spent.
_PASSING_FAILURES = _Impatience(
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
    session.hooks["response"].append(_require_use)
    # A run asks a few times an hour; a connection kept for that would only lie around.
    session.headers["Connection"] = "close"
    if is_loopback(authority):
        # No proxy for loopback; and requests lets REQUESTS_CA_BUNDLE overrule `verify` otherwise.
        session.trust_env = False
        trusted = certificate or os.environ.get("REQUESTS_CA_BUNDLE")
        session.verify = str(trusted) if trusted else True
    return session


@contextmanager
def told_failures(authority: str) -> Iterator[None]:
    """Turn what MSAL raises while it speaks with `authority` into our errors, without causes.

    Causes are left out because they carry requests, and these carry secrets.
    """
    host = urlsplit(authority).netloc
    try:
        yield
    except _NoUse as refusal:
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
            "The warehouse is as it was; check the network and try again."
        ) from None
    except OSError as error:
        # RequestException, above, is one too; what is left is a bundle that cannot be read.
        raise UsageError(
            f"The certificates to trust cannot be read: {error}. Nothing was sent; correct "
            "REQUESTS_CA_BUNDLE."
        ) from None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ServerFailed(
            f"The sign-in authority {host} answered in a way that MSAL cannot use "
            f"({type(error).__name__}). The warehouse is as it was; check "
            "sources.partner_center.credentials.authority, and this machine's clock."
        ) from None


def refusal(answer: Mapping[str, Any], remedy: str) -> ReferralsError:
    """The error for an OAuth error answer; `remedy` says how to sign in anew.

    Of the answer only names, numbers and ids are repeated: its description may hold anything.
    """
    error = _plain(answer.get("error"))
    codes = answer.get("error_codes")
    code = codes[0] if isinstance(codes, list) and codes and isinstance(codes[0], int) else None
    correlation_id = _plain(answer.get("correlation_id"))
    cited = [error or "no reason given"]
    cited += [f"AADSTS{code}"] if code else []
    cited += [f"correlation id {correlation_id}"] if correlation_id else []
    said = f"({', '.join(cited)}). The warehouse is as it was."
    if error in _PASSING_ERRORS:
        return ServerFailed(f"The sign-in authority is out of order {said} Try again later.")
    if code in _WRONG_CONFIGURATION or (
        error in _WRONG_CONFIGURATION_ERRORS and code not in _REFUSED
    ):
        what = _WRONG_CONFIGURATION.get(code or 0) or _WRONG_CONFIGURATION_ERRORS[error]
        return UsageError(f"The sign-in was refused: {what} {said}")
    what = _REFUSED.get(code or 0) or _REFUSED_ERRORS.get(error, "the sign-in is refused")
    return SignInRequired(f"A new sign-in is needed: {what} {said} {remedy}")


def _require_use(response: Response, **_: Any) -> None:
    """Raise unless the answer is one that MSAL knows what to do with."""
    host = urlsplit(response.url).netloc
    status = response.status_code
    later = "The warehouse is as it was; run the command again later."
    # Read before anything is raised: an answer that is left unread keeps its connection open.
    answer = _json_object(response)
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        asks = f"to wait {wait} s" if wait.isdecimal() else "for patience"
        raise _NoUse(Throttled(f"The sign-in authority {host} asks {asks} (429). {later}"))
    if status >= 500:
        raise _NoUse(
            ServerFailed(f"The sign-in authority {host} keeps failing ({status}). {later}")
        )
    if answer is None:
        raise _NoUse(
            ServerFailed(
                f"The sign-in authority {host} answered {status} without JSON; perhaps a proxy or "
                f"a login page of the network answered instead. {later}"
            )
        )
    is_discovery = response.request.method == "GET"
    if is_discovery and status != 200:
        raise _NoUse(refusal({"error": "invalid_request", **answer}, ""))
    if not is_discovery and not answer.keys() & {"access_token", "device_code", "error"}:
        raise _NoUse(
            ServerFailed(f"The sign-in authority {host} answered without a token. {later}")
        )


def _json_object(response: Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _plain(value: object) -> str:
    """A name or id as it is; nothing if it is anything else."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w-]{1,64}", value) else ""


def _origin(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 443
