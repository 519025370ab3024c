"""Proves who we are, in the way that the configured credentials allow.

access_token     is sent as it is
refresh_token    is traded in for tokens; what replaces it is kept in the token cache
client_id        alone or with client_secret: tokens that `referrals login` put into the token cache
"""

from pathlib import Path
from typing import Any, Protocol

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from partner_center.endpoints import ANALYTICS_SCOPE, ENGAGEMENTS_SCOPE
from partner_center.errors import SignInRequired, UsageError
from partner_center.http.failures import describe_answer, needs_new_token
from partner_center.settings import PartnerCenterCredentials
from partner_center.sign_in.identity import Identity, token_identity

_OPTIONS = {
    ANALYTICS_SCOPE: "access_token",
    ENGAGEMENTS_SCOPE: "engagements_access_token",
}
# The APIs that the two kinds of tokens are for.
_AUDIENCES = {scope: scope.rpartition("/")[0] for scope in _OPTIONS}


class SignIn(Protocol):
    """What signs requests; safe to share between threads."""

    def access_token(self, scope: str = ANALYTICS_SCOPE) -> str:
        """A token for `scope` that should be valid for the next request."""

    def renew(self, refused: str, scope: str = ANALYTICS_SCOPE) -> str:
        """A token in place of `refused`; raises SignInRequired if there is none."""

    def identity(self, scope: str = ANALYTICS_SCOPE) -> Identity:
        """Who signed in, as far as the token for `scope` or MSAL's account says."""


class PartnerUser(AuthBase):
    """Signs each request; one that is answered with 401 is sent once more with a new token.

    `scope` says for which API; one SignIn serves users of several scopes.
    """

    def __init__(self, sign_in: SignIn, scope: str = ANALYTICS_SCOPE) -> None:
        self._sign_in = sign_in
        self._scope = scope

    def identity(self) -> Identity:
        """Who signs the requests, as far as that is known."""
        return self._sign_in.identity(self._scope)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._sign_in.access_token(self._scope)}"

        def renew_once(response: Response, **kwargs: Any) -> Response:
            if not needs_new_token(response):
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
            return self._sign_in.renew(refused, self._scope)
        except SignInRequired as error:
            raise SignInRequired(
                f"{error.seen} Partner Center answered {describe_answer(response)}.", error.advice
            ) from error


def sign_in(
    credentials: PartnerCenterCredentials,
    *,
    certificate: Path | None = None,
) -> SignIn:
    """What signs requests as `credentials` say; nothing is sent and nothing read until it is used.

    `certificate` is trusted for an authority on this machine. Raises UsageError if `credentials`
    do not say enough.
    """
    if credentials.access_token or credentials.engagements_access_token:
        return _GivenTokens(credentials)
    credentials.require_client()
    # Here, because importing MSAL takes a while that a given token can spare.
    from partner_center.sign_in.msal_sign_in import MsalSignIn

    return MsalSignIn(credentials, certificate)


class _GivenTokens:
    """Tokens that somebody else obtained, one for each API; nothing can renew them."""

    def __init__(self, credentials: PartnerCenterCredentials) -> None:
        self._tokens = {
            ANALYTICS_SCOPE: credentials.access_token,
            ENGAGEMENTS_SCOPE: credentials.engagements_access_token,
        }

    def access_token(self, scope: str = ANALYTICS_SCOPE) -> str:
        if token := self._tokens.get(scope):
            return token
        given, missing = (
            _OPTIONS.values() if scope == ENGAGEMENTS_SCOPE else reversed(_OPTIONS.values())
        )
        raise UsageError(
            f"{given} is set but {missing} is not, and the two APIs take different tokens. Nothing "
            f"was sent; set {missing} in sources.partner_center.credentials, or take the resource "
            "that needs it out of sources.partner_center.resources."
        )

    def renew(self, refused: str, scope: str = ANALYTICS_SCOPE) -> str:
        option = _OPTIONS[scope]
        raise SignInRequired(
            f"Partner Center refused the configured {option}: it has expired (after about an hour) "
            f"or was issued for another API than {_AUDIENCES[scope]}.",
            f"What the warehouse holds is kept; set a fresh {option}.",
        )

    def identity(self, scope: str = ANALYTICS_SCOPE) -> Identity:
        return token_identity(self.access_token(scope))
