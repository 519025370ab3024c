"""Proves who we are, in the way that the configured credentials allow.

access_token     is sent as it is
refresh_token    is traded in for tokens; what replaces it is kept in the token cache
client_id        alone: tokens from the token cache, which `referrals login` fills
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from partner_center.errors import SignInRequired, UsageError
from partner_center.http.transport import correlation_id
from partner_center.settings import PartnerCenterCredentials


class SignIn(Protocol):
    """What signs requests; safe to share between threads."""

    def access_token(self) -> str:
        """A token that should be good for the next request."""

    def renew(self, refused: str) -> str:
        """A token in place of `refused`; raises SignInRequired if there is none."""


class PartnerUser(AuthBase):
    """Signs each request; one that is answered with 401 goes out once more with a new token."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._sign_in.access_token()}"

        def renew_once(response: Response, **kwargs: Any) -> Response:
            if response.status_code != 401:
                return response
            # The connection is free for the next request only when this answer has been read.
            response.content  # noqa: B018
            # Into the request itself, which is what a retry after this one sends.
            request.headers["Authorization"] = f"Bearer {self._renew(response)}"
            repeated = request.copy()
            answer: Response = response.connection.send(repeated, **kwargs)
            answer.history.append(response)
            return answer

        request.register_hook("response", renew_once)
        return request

    def _renew(self, response: Response) -> str:
        """A token in place of the one that was refused with `response`."""
        refused = str(response.request.headers["Authorization"]).removeprefix("Bearer ")
        try:
            return self._sign_in.renew(refused)
        except SignInRequired as error:
            raise SignInRequired(f"{error} {correlation_id(response.request)}") from error


def sign_in(
    credentials: PartnerCenterCredentials,
    *,
    certificate: Path | None = None,
) -> SignIn:
    """What signs requests as `credentials` say; nothing is sent and nothing read until it is used.

    `certificate` is trusted for an authority on this machine. Raises UsageError if `credentials`
    do not say enough.
    """
    if credentials.access_token:
        return _GivenToken(credentials.access_token)
    _require_client(credentials)
    if credentials.client_secret and not credentials.refresh_token:
        raise UsageError(
            "client_secret is set but refresh_token is not, and Partner Center takes no sign-in "
            "without a user. Set both in sources.partner_center.credentials, or remove "
            "client_secret and run 'referrals login'."
        )
    # Here, because importing MSAL takes a while that a given token can spare.
    from partner_center.sign_in.msal_sign_in import KeptSignIn

    return KeptSignIn(credentials, certificate)


def sign_in_with_device_code(
    credentials: PartnerCenterCredentials,
    show: Callable[[str], None],
    *,
    certificate: Path | None = None,
) -> str:
    """Let a person sign in with a browser of theirs; keep the tokens, return the account's name.

    `show` is called once with what to do; then this waits until it is done or the code expires.
    """
    _require_client(credentials)
    from partner_center.sign_in import msal_sign_in

    return msal_sign_in.sign_in_with_device_code(credentials, show, certificate)


class _GivenToken:
    """A token that somebody else obtained; nothing can renew it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def access_token(self) -> str:
        return self._token

    def renew(self, refused: str) -> str:
        raise SignInRequired(
            "Partner Center refused the configured access_token; it may have expired. The "
            "warehouse is as it was; set a fresh access_token."
        )


def _require_client(credentials: PartnerCenterCredentials) -> None:
    if not credentials.client_id:
        raise UsageError(
            "Nothing says who signs in to Partner Center. In sources.partner_center.credentials "
            "set client_id and tenant_id of your app registration and run 'referrals login', or "
            "set access_token."
        )
    if not credentials.authority.startswith("https://"):
        raise UsageError(
            f"The sign-in authority is '{credentials.authority}', but tokens are only asked for "
            "over https. Correct sources.partner_center.credentials.authority."
        )
