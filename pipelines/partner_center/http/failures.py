"""Maps failed responses and requests to errors whose messages say what to do next."""

import ssl
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.parse import parse_qs, urlsplit

from requests import PreparedRequest, RequestException, Response
from urllib3.exceptions import HTTPError

from partner_center.errors import (
    ReferralsError,
    RequestRefused,
    ServerFailed,
    SignInRequired,
    UsageError,
)
from partner_center.http.transport import correlation_id
from partner_center.resources.resource import Resource
from partner_center.wording import counted

# The API's own codes in a 401 or 403: what happened, and what to do.
_ROLE = (
    "the user lacks the rights to read this",
    "Ask an administrator for the role 'Referrals admin' in Partner Center, or sign in as a user "
    "who has it.",
)
_CURES = {
    "900420": (
        "the access token has expired or was issued for another API",
        "Sign in with 'referrals login', or give a fresh access_token for this API.",
    ),
    "900421": (
        "the user signed in without multi-factor authentication, which Partner Center requires",
        "Have multi-factor authentication switched on for the user, then sign in again with "
        "'referrals login', or give a token or refresh_token from such a sign-in.",
    ),
    "900309": (
        "a rule of your organisation (Conditional Access) blocks the request",
        "Ask your administrator which policy it was (Entra > Sign-in logs), and for an exception "
        "for this user or network.",
    ),
    "900329": (
        "the token belongs to an application alone, and Partner Center wants a user",
        "Sign in as a partner user with 'referrals login', or give a token of such a sign-in.",
    ),
    "900308": _ROLE,
    "2032": _ROLE,
}
# A new token of the same sign-in would be refused for the same reason.
_LASTING_CODES = _CURES.keys() - {"900420"}

# A proxy or gateway may answer these while the server behind it is well.
PASSING_FAILURES = range(500, 600)
# Enough of what a server says to know what it means.
_QUOTED_CHARACTERS = 300
# Of the causes of a failed request, those that say something to a person.
_SAYING = (OSError, HTTPError, HTTPException)


class Unusable(RequestException):
    """A whole answer, but no page."""


def refusal(response: Response, resource: Resource, noun: str) -> ReferralsError:
    """The error for an answer that is no 200; it says what to do.

    `noun` is what was to be read from the API of `resource`.
    """
    said = describe_answer(response)
    address, _, query = response.url.partition("?")
    match response.status_code:
        case 400:
            has_filter = resource.paging.filter in parse_qs(query)
            return RequestRefused(
                f"Partner Center refused the request: {said}.",
                "Nothing was loaded; check the filter against the documentation of the endpoint."
                if has_filter
                else "Nothing was loaded; try a smaller sources.partner_center.page_size, and "
                "quote the id to Microsoft support if that does not help.",
            )
        case 401 | 403 | 407:
            return _access_refused(response, said, noun)
        case 404:
            return UsageError(
                f"There is no {resource.name} endpoint at {address}: {said}.",
                f"Check sources.partner_center.{resource.host}.",
            )
        case status if status in PASSING_FAILURES:
            return ServerFailed(
                f"Partner Center kept failing: {said}.",
                "What the warehouse holds is kept; run the load again later, and quote the id to "
                "Microsoft support if it stays so.",
            )
        case status if 300 <= status < 400:
            target = quote(response.headers.get("Location", "nowhere"), response)
            return ServerFailed(
                f"Partner Center redirects to {target}: {said}. The token is not carried there.",
                f"Check sources.partner_center.{resource.host}.",
            )
    return ReferralsError(
        f"Partner Center answered {said}.",
        "What the warehouse holds is kept; quote the id to Microsoft support if you cannot tell "
        "why.",
    )


def describe_answer(response: Response) -> str:
    """Status, code, sentence and correlation id of an error answer."""
    return f"{response.status_code} {_say_body(response)} {correlation_id(response.request)}"


def needs_new_token(response: Response) -> bool:
    """Whether another token of the same sign-in may be accepted in place of the refused one."""
    return (
        response.status_code == 401
        and not _is_page(response)
        and _LASTING_CODES.isdisjoint(_codes(response))
    )


def _access_refused(response: Response, said: str, noun: str) -> ReferralsError:
    """The error for 401, 403 and 407: each of the API's codes has its own cure."""
    if response.status_code == 407 or _is_page(response):
        return ServerFailed(
            f"A proxy or gateway before Partner Center refused the request: {said}.",
            "What the warehouse holds is kept; sign in to that network or proxy, or set "
            "HTTPS_PROXY, and run the load again.",
        )
    code = next((code for code in _codes(response) if code in _CURES), None)
    if code:
        happened, cure = _CURES[code]
        shown = said if code in said else f"{said}, code {code}"
        return SignInRequired(
            f"Partner Center refused access: {happened}. It answered {shown}.",
            f"What the warehouse holds is kept. {cure}",
        )
    if response.status_code == 401:
        return SignInRequired(
            f"Partner Center refused the access token: {said}.",
            "What the warehouse holds is kept; sign in with 'referrals login', or give a fresh "
            "access_token.",
        )
    return SignInRequired(
        f"Partner Center knows the user but does not let them read {noun}: {said}.",
        "Ask an administrator for the role 'Referrals admin' in Partner Center, or sign "
        "in as somebody who has it. What the warehouse holds is kept.",
    )


def _is_page(response: Response) -> bool:
    """Whether the body is a web page; the API itself answers in JSON, or nothing."""
    kind = response.headers.get("Content-Type", "").lower()
    return "html" in kind or response.content.lstrip()[:1] == b"<"


def _codes(response: Response) -> list[str]:
    """The error codes of an error body, at any depth, as text."""
    body = _json(response)
    codes, waiting = [], [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            codes += [str(value[name]) for name in value if str(name).lower().endswith("code")]
        elif isinstance(value, list):
            waiting += value
    return codes


def _json(response: Response) -> Any:
    """The body as JSON; None where it is none."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def failure(error: RequestException, url: str, attempts: int) -> ServerFailed:
    """The error for requests that had no answer at all, or none of use."""
    host = urlsplit(url).netloc
    distrust = find_certificate_error(error)
    if distrust:
        return ServerFailed(
            f"The certificate of {host} is not trusted ({distrust.verify_message}), so nothing "
            "was sent. Where your network has a certificate of its own, name its file in "
            "REQUESTS_CA_BUNDLE."
        )
    cause = [each for each in _causes(error) if isinstance(each, _SAYING)][-1]
    said = _line(str(cause))
    if not isinstance(cause, Unusable):
        said = f"{type(cause).__name__}: {said}"
    if isinstance(error.request, PreparedRequest):
        said += f" {correlation_id(error.request)}"
    return ServerFailed(
        f"Partner Center at {host} gave no usable answer in {counted(attempts, 'attempts')}; the "
        f"last: {said}.",
        "What the warehouse holds is kept; run the load again later.",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and what led to it, down to the first cause."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def find_certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """What is wrong with the server's certificate, if that is the cause."""
    found = (each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError))
    return next(found, None)


def _say_body(response: Response) -> str:
    """Code and sentence of an error body, in any shape Partner Center is known to send."""
    reason = response.reason or "without a reason"
    body = _json(response)
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return quote(reason, response)
    code = body.get("code")
    # The status stands before it already.
    code = None if str(code) == str(response.status_code) else code
    parts = [code, body.get("description") or body.get("message")]
    return quote(" ".join(str(part) for part in parts if part) or reason, response)


def quote(text: str, response: Response) -> str:
    """What a server said, without the token that we sent it."""
    token = str(response.request.headers["Authorization"]).removeprefix("Bearer ")
    return _line(text.replace(token, "***"))


def _line(text: str) -> str:
    """A text made short, and harmless for a terminal."""
    line = " ".join(text.split())[:_QUOTED_CHARACTERS]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
