"""Checks the headers that both APIs of the stand-in ask for."""

from uuid import UUID

from partner_center_sandbox.behaviour import RecordedRequest
from partner_center_sandbox.faults import Refused
from partner_center_sandbox.tokens import Tokens

# The code of a 401 for a token that was issued for another API.
_WRONG_AUDIENCE = 900420
_JSON_TYPES = ("application/json", "application/*", "*/*")


def check_token(request: RecordedRequest, tokens: Tokens, audience: str) -> None:
    """Refuse a request whose access token is not valid for this API."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    found = tokens.audience_of(token.strip())
    if scheme.lower() != "bearer" or found is None:
        raise Refused(401, "The access token is missing, unknown or no longer valid.")
    if found != audience:
        raise Refused(401, f"The access token is for {found}, not for this API.", _WRONG_AUDIENCE)


def check_accept(request: RecordedRequest) -> None:
    """Refuse a request that does not accept JSON."""
    accepted = request.headers.get("accept", "*/*").lower().split(",")
    if not any(kind.split(";")[0].strip() in _JSON_TYPES for kind in accepted):
        raise Refused(406, "Only application/json can be answered.")


def is_guid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
