"""Signs users in as Microsoft's identity platform does, as far as MSAL asks for it."""

import base64
import hashlib
import html
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from partner_center_sandbox.behaviour import Behaviour, RecordedRequest
from partner_center_sandbox.faults import sign_in_error
from partner_center_sandbox.tokens import (
    ANALYTICS_AUDIENCE,
    ENGAGEMENTS_AUDIENCE,
    TENANT_ID,
    USER_ID,
    Tokens,
    base64_json,
    unsigned_jwt,
)

CLIENT_ID = "c0ffee00-4b1d-4c8a-8f55-2d7a9e6b1c34"
CLIENT_SECRET = "secret-of-the-sandbox"  # noqa: S105 - opens nothing but the sandbox

_USER_NAME = "partner.user@sandbox.example"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_DEVICE_CODE_LIFETIME_SECONDS = 900


class SignInRefused(Exception):
    """An OAuth error with the number that Microsoft gives it (AADSTS...)."""

    def __init__(self, error: str, number: int, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.number = number


@dataclass
class DeviceSignIn:
    """A sign-in that a program began and that a person has yet to approve."""

    user_code: str
    is_approved: bool


@dataclass
class CodeSignIn:
    """A sign-in that a browser has passed, until its code is traded in (RFC 7636)."""

    redirect_uri: str
    challenge: str
    nonce: str


class Authority:
    """The answer to each sign-in request. Its tokens are those that the API accepts."""

    def __init__(self, tokens: Tokens, behaviour: Behaviour) -> None:
        self._tokens = tokens
        self._behaviour = behaviour
        self._device_sign_ins: dict[str, DeviceSignIn] = {}
        self._code_sign_ins: dict[str, CodeSignIn] = {}
        # Sign-ins that begin from now on need no person.
        self.auto_approve = False

    def __call__(self, request: RecordedRequest) -> Response:
        host, params = request.headers["host"], request.params
        try:
            match (request.method, request.path.removeprefix(f"/{TENANT_ID}")):
                case ("GET", "/v2.0/.well-known/openid-configuration"):
                    return JSONResponse(_discovery(host))
                case ("POST", "/oauth2/v2.0/devicecode"):
                    return JSONResponse(self._begin_device_sign_in(params, host))
                case ("GET" | "POST", "/oauth2/v2.0/authorize"):
                    return self._authorize(params, is_approved=request.method == "POST")
                case ("POST", "/oauth2/v2.0/token"):
                    hook = self._behaviour.on_token_request
                    response = hook(request) if hook else None
                    return response or JSONResponse(self._token(params, host))
                case ("GET" | "POST", "/devicelogin"):
                    return self._verification_page(params)
        except SignInRefused as refusal:
            return sign_in_error(refusal.error, refusal.number, str(refusal))
        return sign_in_error("invalid_request", 90002, f"Nothing is at {request.path}.", 404)

    def approve(self, user_code: str) -> None:
        """Do what a person does on the verification page; KeyError for a code never issued."""
        for sign_in in self._device_sign_ins.values():
            if sign_in.user_code == user_code:
                sign_in.is_approved = True
                return
        raise KeyError(user_code)

    def _begin_device_sign_in(self, params: dict[str, str], host: str) -> dict[str, object]:
        _check_client(params)
        device_code = secrets.token_urlsafe(32)
        # Hexadecimal: nothing that a form, a shell or an eye could take for something else.
        sign_in = DeviceSignIn(secrets.token_hex(4).upper(), is_approved=self.auto_approve)
        self._device_sign_ins[device_code] = sign_in
        page = f"https://{host}/devicelogin"
        return {
            "user_code": sign_in.user_code,
            "device_code": device_code,
            "verification_uri": page,
            "expires_in": _DEVICE_CODE_LIFETIME_SECONDS,
            "interval": 1,
            "message": f"To sign in, open {page} and enter the code {sign_in.user_code}.",
        }

    def _token(self, params: dict[str, str], host: str) -> dict[str, object]:
        _check_client(params)
        audience = self._audience(params)
        nonce = ""
        match params.get("grant_type"):
            case "authorization_code":
                nonce = self._finish_code_sign_in(params)
                is_confidential = True
            case "refresh_token":
                is_confidential = self._trade_refresh_token(params)
            case grant if grant == _DEVICE_GRANT:
                self._finish_device_sign_in(params)
                is_confidential = "client_secret" in params
            case grant:
                # Among them client_credentials: this API takes tokens of users only.
                raise SignInRefused("unsupported_grant_type", 70003, f"No grant {grant} here.")
        return self._tokens_of_user(params, audience, is_confidential, _id_token(host, nonce))

    def _audience(self, params: dict[str, str]) -> str:
        audience = _audience(params.get("scope", "").split())
        if audience == ENGAGEMENTS_AUDIENCE and self._behaviour.engagements.refuses_sign_in:
            raise SignInRefused("invalid_grant", 65001, "Nobody has consented to use this API.")
        return audience

    def _trade_refresh_token(self, params: dict[str, str]) -> bool:
        """Whether the token traded in was a confidential client's; it is good no more."""
        refresh_token = params.get("refresh_token", "")
        is_confidential = self._tokens.is_confidential(refresh_token)
        if is_confidential is None:
            raise SignInRefused("invalid_grant", 70000, "The refresh token is not valid any more.")
        if is_confidential and "client_secret" not in params:
            raise SignInRefused("invalid_client", 7000218, "The client secret is missing.")
        self._tokens.retire(refresh_token)
        return is_confidential

    def _finish_device_sign_in(self, params: dict[str, str]) -> None:
        device_code = params.get("device_code", "")
        sign_in = self._device_sign_ins.get(device_code)
        if sign_in is None:
            raise SignInRefused("bad_verification_code", 70019, "The device code is not valid.")
        if not sign_in.is_approved:
            raise SignInRefused("authorization_pending", 70016, "Nobody has approved the code yet.")
        del self._device_sign_ins[device_code]

    def _tokens_of_user(
        self, params: dict[str, str], audience: str, is_confidential: bool, id_token: str
    ) -> dict[str, object]:
        lifetime = self._behaviour.token_lifetime_seconds
        scopes = params.get("scope", "").split()
        return {
            "token_type": "Bearer",
            # offline_access, openid and profile ask for the other tokens; they are no permission.
            "scope": " ".join(scope for scope in scopes if "://" in scope),
            "expires_in": int(lifetime),
            "access_token": self._tokens.issue_access_token(
                lifetime, audience, self._behaviour.token_user
            ),
            "refresh_token": self._tokens.issue_refresh_token(is_confidential=is_confidential),
            "id_token": id_token,
            "client_info": base64_json({"uid": USER_ID, "utid": TENANT_ID}),
        }

    def _authorize(self, params: dict[str, str], *, is_approved: bool) -> Response:
        """The page where a user signs in to a confidential client; then back with a code."""
        _check_client(params)
        target = params.get("redirect_uri", "")
        if urlsplit(target).hostname != "localhost":
            raise SignInRefused("invalid_request", 50011, "The redirect URI is not registered.")
        if params.get("code_challenge_method") != "S256" or not params.get("code_challenge"):
            raise SignInRefused("invalid_request", 9002325, "PKCE is required.")
        if not (is_approved or self.auto_approve):
            return HTMLResponse(
                '<!doctype html><html lang="en"><title>Sign in to the sandbox</title>'
                '<h1>Sign in to the sandbox</h1><form method="post">'
                "<button>Sign in as the partner user</button></form></html>"
            )
        code = secrets.token_urlsafe(32)
        self._code_sign_ins[code] = CodeSignIn(
            target, params["code_challenge"], params.get("nonce", "")
        )
        answer = urlencode({"code": code, "state": params.get("state", "")})
        return RedirectResponse(f"{target}?{answer}", 302)

    def _finish_code_sign_in(self, params: dict[str, str]) -> str:
        """Use up an authorization code; the nonce that its sign-in asked for."""
        if "client_secret" not in params:
            raise SignInRefused("invalid_client", 7000218, "The client secret is missing.")
        sign_in = self._code_sign_ins.pop(params.get("code", ""), None)
        verifier = hashlib.sha256(params.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if sign_in is None or (sign_in.redirect_uri, sign_in.challenge) != (
            params.get("redirect_uri"),
            challenge,
        ):
            raise SignInRefused("invalid_grant", 70000, "The authorization code is not valid.")
        return sign_in.nonce

    def _verification_page(self, params: dict[str, str]) -> Response:
        said = "Enter the code that the program shows."
        if "user_code" in params:
            try:
                self.approve(params["user_code"].strip().upper())
                said = "Approved. You may close this page."
            except KeyError:
                said = f"There is no code {html.escape(params['user_code'])}."
        return HTMLResponse(
            '<!doctype html><html lang="en"><title>Sign in to the sandbox</title>'
            f"<h1>Sign in to the sandbox</h1><p>{said}</p>"
            '<form method="post"><input name="user_code" aria-label="Code" autofocus>'
            "<button>Approve</button></form></html>"
        )


def _audience(scopes: list[str]) -> str:
    """The API that a token is asked for; SignInRefused for one that is not known here."""
    named = [scope for scope in scopes if "://" in scope]
    for audience in (ANALYTICS_AUDIENCE, ENGAGEMENTS_AUDIENCE):
        if not named or any(scope.startswith(f"{audience}/") for scope in named):
            return audience
    raise SignInRefused("invalid_resource", 500011, "The resource is not known in this tenant.")


def _check_client(params: dict[str, str]) -> None:
    if params.get("client_id") != CLIENT_ID:
        raise SignInRefused("unauthorized_client", 700016, "The application is not known here.")
    if params.get("client_secret", CLIENT_SECRET) != CLIENT_SECRET:
        raise SignInRefused("invalid_client", 7000215, "The client secret is not the right one.")


def _discovery(host: str) -> dict[str, str]:
    tenant = f"https://{host}/{TENANT_ID}"
    return {
        "issuer": f"{tenant}/v2.0",
        "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
        "token_endpoint": f"{tenant}/oauth2/v2.0/token",
    }


def _id_token(host: str, nonce: str) -> str:
    """Who signed in. Unsigned: MSAL reads it without checking, as it came over TLS."""
    claims = {
        "iss": f"https://{host}/{TENANT_ID}/v2.0",
        "aud": CLIENT_ID,
        "tid": TENANT_ID,
        "oid": USER_ID,
        "sub": USER_ID,
        "preferred_username": _USER_NAME,
        "nonce": nonce,
        # Any time will do: the sandbox does not read the clock of day.
        "iat": 0,
        "exp": 4_102_444_800,
    }
    return unsigned_jwt(claims)
