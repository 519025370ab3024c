"""Issues the stand-in's tokens and knows which of them are still valid."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ANALYTICS_AUDIENCE = "https://api.partnercenter.microsoft.com"
ENGAGEMENTS_AUDIENCE = "https://api.partner.microsoft.com"

# The stand-in's organisation and its user: the same after every start.
TENANT_ID = "5a9d0c0e-7a3f-4d0b-9c55-6f1d3c8e2b70"
USER_ID = "0b1e5c2d-93f4-4a67-8d10-7c2f5e9a4b86"


@dataclass(frozen=True)
class TokenUser:
    """Whom an access token names, and how that user signed in (the claim `amr`)."""

    tenant_id: str = TENANT_ID
    user_id: str = USER_ID
    methods: tuple[str, ...] = ("pwd", "mfa")


@dataclass
class Tokens:
    """Access tokens until they expire, refresh tokens until they are traded in.

    The one place of the sandbox that reads a clock: a monotonic one, to know when a token has
    expired; and the time of day, which a token has to name in its claim `exp`.
    """

    # Access token -> its audience and when it expires.
    _access_tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    # Refresh token -> whether it belongs to the confidential client.
    _refresh_tokens: dict[str, bool] = field(default_factory=dict)

    def issue_access_token(
        self,
        lifetime_seconds: float,
        audience: str = ANALYTICS_AUDIENCE,
        user: TokenUser = TokenUser(),
    ) -> str:
        """A new JWT for `audience`. It has no signature: this stand-in knows its own tokens."""
        token = unsigned_jwt(
            {
                "aud": audience,
                "tid": user.tenant_id,
                "oid": user.user_id,
                "amr": list(user.methods),
                "exp": int(time.time() + lifetime_seconds),
                # Makes every token another one, and unguessable.
                "uti": secrets.token_urlsafe(32),
            }
        )
        self._access_tokens[token] = (audience, time.monotonic() + lifetime_seconds)
        return token

    def audience_of(self, access_token: str) -> str | None:
        """The audience that a token was issued for; None if it is unknown, expired or revoked."""
        audience, expiry = self._access_tokens.get(access_token, ("", 0.0))
        return audience if time.monotonic() < expiry else None

    def revoke_access_tokens(self) -> None:
        self._access_tokens.clear()

    def issue_refresh_token(self, *, is_confidential: bool) -> str:
        token = secrets.token_urlsafe(48)
        self._refresh_tokens[token] = is_confidential
        return token

    def is_confidential(self, refresh_token: str) -> bool | None:
        """Which client the token belongs to, or None if it was never valid or was traded in."""
        return self._refresh_tokens.get(refresh_token)

    def retire(self, refresh_token: str) -> None:
        self._refresh_tokens.pop(refresh_token, None)


def unsigned_jwt(claims: Mapping[str, Any]) -> str:
    """A JSON web token with these claims and no signature."""
    return ".".join((base64_json({"alg": "none", "typ": "JWT"}), base64_json(claims), "unsigned"))


def base64_json(content: Mapping[str, Any]) -> str:
    """JSON in the alphabet of URLs, without padding."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
