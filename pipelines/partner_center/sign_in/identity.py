"""Reads from an access token who signed in, and how."""

import base64
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Identity:
    """Who signed in: None, or no methods, where the token does not say."""

    tenant_id: str | None = None
    user_id: str | None = None
    # "pwd", "mfa" and the like: the claim `amr`.
    methods: tuple[str, ...] = ()


def token_identity(access_token: str) -> Identity:
    """The identity that the claims of a JWT name; an empty one for any other token.

    The signature is not checked: only the API can do that, and it does.
    """
    claims = _claims(access_token)
    methods = claims.get("amr")
    return Identity(
        tenant_id=_text(claims.get("tid")),
        user_id=_text(claims.get("oid")),
        methods=tuple(each for each in methods if isinstance(each, str))
        if isinstance(methods, list)
        else (),
    )


def _claims(access_token: str) -> dict[str, Any]:
    parts = access_token.split(".")
    if len(parts) != 3:
        return {}
    try:
        # Base64 in a JWT comes without its padding (RFC 7515, appendix C).
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _text(value: object) -> str | None:
    """A short printable text, or None: the value comes from outside and is stored and shown."""
    if isinstance(value, str) and 0 < len(value) <= 100 and value.isprintable():
        return value.lower()
    return None
