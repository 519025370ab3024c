"""Explains the refusals of Microsoft's sign-in: what each code means, and what cures it."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from partner_center.errors import ReferralsError, SignInRequired, TryAgainLater, UsageError


class Refusal(NamedTuple):
    """One kind of refusal; an empty `cure` means that signing in anew cures it."""

    error: type[ReferralsError]
    happened: str
    cure: str = ""


_TENANT = "Check tenant_id in sources.partner_center.credentials."
_CLIENT = "Check client_id and tenant_id in sources.partner_center.credentials."
_CONSENT = (
    "An administrator grants it in Microsoft Entra: App registrations > API permissions > Grant "
    "admin consent. Then sign in again."
)
_POLICY = (
    "Ask your administrator which Conditional Access policy it was (Entra > Sign-in logs, by the "
    "correlation id); signing in again from here does not help by itself."
)
_MULTI_FACTOR = "the user has to pass multi-factor authentication"

# By the number after AADSTS ("Microsoft Entra authentication and authorization error codes").
_BY_CODE = {
    # Configuration.
    50011: Refusal(
        UsageError,
        "the redirect address is not registered for this application",
        "Add http://localhost as a redirect URI (platform Web) in the app registration.",
    ),
    50059: Refusal(UsageError, "the request names no tenant", _TENANT),
    50194: Refusal(UsageError, "the application serves one tenant only", _TENANT),
    90002: Refusal(UsageError, "there is no such tenant", _TENANT),
    900023: Refusal(UsageError, "the tenant is neither an id nor a domain", _TENANT),
    500011: Refusal(UsageError, "Partner Center is not known in this tenant", _TENANT),
    650057: Refusal(
        UsageError,
        "the application has no permission for this API",
        "Add the delegated permission user_impersonation in the app registration.",
    ),
    700016: Refusal(UsageError, "the application is not known in this tenant", _CLIENT),
    700025: Refusal(
        UsageError,
        "the application is a public client, which has no secret",
        "Remove client_secret, or make it a confidential client in its registration.",
    ),
    7000112: Refusal(
        UsageError,
        "the application is disabled in this tenant",
        "An administrator enables it: Enterprise applications > Properties.",
    ),
    7000215: Refusal(
        UsageError,
        "the client secret is wrong",
        "Set client_secret to the secret's value, not to its id.",
    ),
    7000218: Refusal(
        UsageError,
        "the application needs its client_secret, or has to allow public client flows",
        "Set client_secret, or allow public client flows under Authentication.",
    ),
    7000222: Refusal(
        UsageError, "the client secret has expired", "Make a new one and set client_secret."
    ),
    # The user or the application is not allowed yet; an administrator has to act.
    50020: Refusal(
        SignInRequired,
        "the user belongs to another organisation and is not known in this tenant",
        "Sign in with an account of the tenant in tenant_id, or correct tenant_id.",
    ),
    90072: Refusal(
        SignInRequired,
        "the user's account is not in this tenant",
        "Sign in with an account of the tenant in tenant_id, or let its administrator invite it.",
    ),
    50034: Refusal(
        SignInRequired,
        "there is no such user in this tenant",
        "Sign in with an account of the tenant in tenant_id, or correct tenant_id.",
    ),
    50105: Refusal(
        SignInRequired,
        "the user is not assigned to the application",
        "An administrator assigns the user: Enterprise applications > Users and groups.",
    ),
    50053: Refusal(
        SignInRequired,
        "the user's account is locked",
        "Wait, or ask an administrator to unlock it; then sign in again.",
    ),
    50057: Refusal(
        SignInRequired,
        "the user's account is disabled",
        "Ask an administrator to enable it, or sign in as another user.",
    ),
    53000: Refusal(
        SignInRequired,
        "this device does not meet the organisation's rules (Conditional Access)",
        "Sign in from a device that does, or ask your administrator for an exception.",
    ),
    53001: Refusal(
        SignInRequired,
        "this device is not joined to the organisation's domain (Conditional Access)",
        "Sign in from a device that is, or ask your administrator for an exception.",
    ),
    53002: Refusal(
        SignInRequired, "the application is not on the organisation's approved list", _POLICY
    ),
    53003: Refusal(
        SignInRequired,
        "a rule of the organisation (Conditional Access) blocks this sign-in",
        _POLICY,
    ),
    65001: Refusal(SignInRequired, "nobody has consented to this application yet", _CONSENT),
    90094: Refusal(SignInRequired, "an administrator has to consent first", _CONSENT),
    # Signing in again is the cure.
    50055: Refusal(SignInRequired, "the user's password has expired"),
    50074: Refusal(SignInRequired, _MULTI_FACTOR),
    50076: Refusal(SignInRequired, f"{_MULTI_FACTOR} again"),
    50078: Refusal(SignInRequired, "the multi-factor authentication has expired"),
    50079: Refusal(SignInRequired, "the user has to set up multi-factor authentication"),
    50126: Refusal(SignInRequired, "the user name or password is wrong"),
    50158: Refusal(SignInRequired, "the user has to pass another check of the organisation"),
    50173: Refusal(SignInRequired, "the user's password was changed, which ended the sign-in"),
    65004: Refusal(SignInRequired, "the user declined to consent to the application"),
    70008: Refusal(SignInRequired, "the sign-in has expired"),
    70043: Refusal(SignInRequired, "the organisation wants users to sign in more often"),
    700082: Refusal(SignInRequired, "the sign-in was not used for too long and has expired"),
    700084: Refusal(SignInRequired, "the sign-in of a single-page application has expired"),
}

_DECLINED = Refusal(SignInRequired, "the sign-in was declined")
_NOT_IN_TIME = Refusal(SignInRequired, "nobody entered the code in time")
# By the name of the OAuth error, where the number says nothing.
_BY_ERROR = {
    "access_denied": _DECLINED,
    "authorization_declined": _DECLINED,
    "authorization_pending": _NOT_IN_TIME,
    "code_expired": _NOT_IN_TIME,
    "expired_token": _NOT_IN_TIME,
    "consent_required": _BY_CODE[65001],
    "interaction_required": Refusal(SignInRequired, "the user has to sign in again in person"),
    "invalid_grant": Refusal(SignInRequired, "the sign-in is not valid any more"),
    "invalid_client": Refusal(
        UsageError, "the client id or secret is refused", "Check client_id and client_secret."
    ),
    "invalid_request": Refusal(UsageError, "the request is refused", _CLIENT),
    "invalid_resource": Refusal(UsageError, "Partner Center is not known in this tenant", _TENANT),
    "invalid_scope": Refusal(
        UsageError,
        "the application may not ask for Partner Center",
        "Add the delegated permission user_impersonation in the app registration.",
    ),
    "unauthorized_client": Refusal(
        UsageError, "the application may not sign in this way", "Check its registration."
    ),
}
_UNKNOWN = Refusal(SignInRequired, "the sign-in is refused")

# Nothing is wrong with the sign-in, and the same request may succeed later.
_PASSING_CODES = {90006, 90033, 90041, 90043}
_PASSING_ERRORS = ("server_error", "service_unavailable", "temporarily_unavailable")


def refusal(answer: Mapping[str, Any], remedy: str) -> ReferralsError:
    """The error for an OAuth error answer; `remedy` says how to sign in anew.

    Only names, numbers and ids of the answer are repeated: its description may hold anything.
    """
    error, codes = _identifier(answer.get("error")), _codes(answer)
    correlation_id = _identifier(answer.get("correlation_id"))
    cited = [error or "no reason given", *(f"AADSTS{code}" for code in codes)]
    cited += [f"correlation id {correlation_id}"] if correlation_id else []
    details = f"({', '.join(cited)}). What the warehouse holds is kept."
    if is_passing(answer):
        return TryAgainLater(
            f"The sign-in authority is temporarily out of order {details} Try again later."
        )
    known = next((_BY_CODE[code] for code in codes if code in _BY_CODE), None)
    found = known or _BY_ERROR.get(error, _UNKNOWN)
    if found.error is SignInRequired and not found.cure:
        return SignInRequired(f"A new sign-in is needed: {found.happened} {details} {remedy}")
    return found.error(f"The sign-in was refused: {found.happened} {details} {found.cure}")


def is_passing(answer: Mapping[str, Any]) -> bool:
    """Whether an OAuth error answer tells of a fault of the authority that will pass."""
    return answer.get("error") in _PASSING_ERRORS or not _PASSING_CODES.isdisjoint(_codes(answer))


def _codes(answer: Mapping[str, Any]) -> list[int]:
    """The AADSTS numbers of an answer: its list of them, or those that its description begins."""
    codes = answer.get("error_codes")
    listed = [each for each in codes if type(each) is int] if isinstance(codes, list) else []
    described = re.match(r"AADSTS(\d{4,9})\b", str(answer.get("error_description")))
    return listed[:3] or ([int(described[1])] if described else [])


def _identifier(value: object) -> str:
    """A name or id as it is; nothing if it is anything else."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w-]{1,64}", value) else ""
