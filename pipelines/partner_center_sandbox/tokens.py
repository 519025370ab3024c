"""Issues the stand-in's tokens and knows which of them still count."""

import secrets
import time
from dataclasses import dataclass, field


@dataclass
class Tokens:
    """Access tokens until they expire, refresh tokens until they are traded in.

    The one place of the sandbox that reads a clock: a monotonic one, since nothing else says when
    a token that was issued for some seconds has run out.
    """

    _expiries: dict[str, float] = field(default_factory=dict)
    # Refresh token -> whether it belongs to the confidential client.
    _refresh_tokens: dict[str, bool] = field(default_factory=dict)

    def issue_access_token(self, lifetime_seconds: float) -> str:
        token = secrets.token_urlsafe(32)
        self._expiries[token] = time.monotonic() + lifetime_seconds
        return token

    def accepts(self, access_token: str) -> bool:
        return time.monotonic() < self._expiries.get(access_token, 0.0)

    def revoke_access_tokens(self) -> None:
        self._expiries.clear()

    def issue_refresh_token(self, *, is_confidential: bool) -> str:
        token = secrets.token_urlsafe(48)
        self._refresh_tokens[token] = is_confidential
        return token

    def is_confidential(self, refresh_token: str) -> bool | None:
        """Whose the token is, or None if it never was good or was traded in."""
        return self._refresh_tokens.get(refresh_token)

    def retire(self, refresh_token: str) -> None:
        self._refresh_tokens.pop(refresh_token, None)
