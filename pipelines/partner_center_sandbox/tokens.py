"""Issues the tokens of the stand-in and says which of them are still valid."""

import secrets
import time
from dataclasses import dataclass, field

# The two APIs of Partner Center; a token is valid for one of them.
ANALYTICS_AUDIENCE = "https://api.partnercenter.microsoft.com"
ENGAGEMENTS_AUDIENCE = "https://api.partner.microsoft.com"


@dataclass
class Tokens:
    """Access tokens until they expire, refresh tokens until they are used.

    The only place of the sandbox that reads a clock: a monotonic one, to expire access tokens.
    """

    # Access token -> when it expires, and the API that it is for.
    _access_tokens: dict[str, tuple[float, str]] = field(default_factory=dict)
    # Refresh token -> whether it belongs to the confidential client.
    _refresh_tokens: dict[str, bool] = field(default_factory=dict)

    def issue_access_token(
        self, lifetime_seconds: float, audience: str = ANALYTICS_AUDIENCE
    ) -> str:
        token = secrets.token_urlsafe(32)
        self._access_tokens[token] = (time.monotonic() + lifetime_seconds, audience)
        return token

    def audience_of(self, access_token: str) -> str | None:
        """The API that the token is for; None if it is unknown, expired or revoked."""
        expires_at, audience = self._access_tokens.get(access_token, (0.0, None))
        return audience if time.monotonic() < expires_at else None

    def revoke_access_tokens(self) -> None:
        self._access_tokens.clear()

    def issue_refresh_token(self, *, is_confidential: bool) -> str:
        token = secrets.token_urlsafe(48)
        self._refresh_tokens[token] = is_confidential
        return token

    def is_confidential(self, refresh_token: str) -> bool | None:
        """Whether it belongs to the confidential client; None if it is unknown or was used."""
        return self._refresh_tokens.get(refresh_token)

    def retire(self, refresh_token: str) -> None:
        self._refresh_tokens.pop(refresh_token, None)
