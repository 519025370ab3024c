"""Signs in through MSAL, and keeps its tokens where other processes find them."""

import hashlib
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msal import ConfidentialClientApplication, PublicClientApplication

from partner_center.endpoints import ANALYTICS_SCOPE
from partner_center.errors import SignInRequired
from partner_center.settings import PartnerCenterCredentials
from partner_center.sign_in.authority import authority_session, explain_failures
from partner_center.sign_in.identity import Identity, token_identity
from partner_center.sign_in.loopback import (
    PASTE_ADDRESS,
    LoopbackListener,
    read_pasted_answer,
)
from partner_center.sign_in.refusals import refusal
from partner_center.sign_in.token_cache import (
    TokenCacheFile,
    default_path,
    new_cache,
    recall,
    remember,
)

_LOGIN = "Run 'referrals login'."
_LOGIN_OR_CONSENT = (
    "Run 'referrals login', whose newer sign-in then replaces the configured refresh_token, or set "
    "a new refresh_token from the consent of a partner user."
)


class MsalSignIn:
    """Tokens from MSAL, with its cache in a file that other processes use too."""

    def __init__(self, credentials: PartnerCenterCredentials, certificate: Path | None) -> None:
        self._credentials = credentials
        self._certificate = certificate
        self._file = _cache_file(credentials)
        self._cache = new_cache()
        self._application: Any = None
        self._turn = threading.Lock()

    def access_token(self, scope: str = ANALYTICS_SCOPE) -> str:
        return self._token(scope, refused="")

    def renew(self, refused: str, scope: str = ANALYTICS_SCOPE) -> str:
        return self._token(scope, refused)

    def identity(self, scope: str = ANALYTICS_SCOPE) -> Identity:
        told = token_identity(self.access_token(scope))
        account = self._account() or {}
        return Identity(
            told.tenant_id or account.get("realm"),
            told.user_id or account.get("local_account_id"),
            told.methods,
        )

    def _token(self, scope: str, refused: str) -> str:
        """The current token, or a new one if that is `refused`: several threads may say so."""
        with self._turn, explain_failures(self._credentials.authority):
            # Reaches the authority, so it is made when it is needed.
            self._application = self._application or _application(
                self._credentials,
                self._certificate,
                self._cache,
                secret=self._credentials.client_secret,
            )
            with self._file.opened(self._cache):
                answer = self._answer(scope, force_refresh=False)
                if answer.get("access_token") == refused:
                    answer = self._answer(scope, force_refresh=True)
        if "access_token" not in answer:
            raise refusal(answer, _LOGIN_OR_CONSENT if self._credentials.refresh_token else _LOGIN)
        return str(answer["access_token"])

    def _answer(self, scope: str, *, force_refresh: bool) -> dict[str, Any]:
        """MSAL's answer: from the cache, or else for the newest refresh token that we know."""
        if account := self._account():
            # The plain acquire_token_silent answers None to whatever goes wrong.
            answer: dict[str, Any] | None = self._application.acquire_token_silent_with_error(
                [scope], account, force_refresh=force_refresh
            )
            if answer:
                return answer
            raise self._nobody()
        if not self._credentials.refresh_token:
            raise self._nobody()
        traded: dict[str, Any] = self._application.acquire_token_by_refresh_token(
            self._credentials.refresh_token, [scope]
        )
        if "access_token" in traded:
            stems_from = _fingerprint(self._credentials.refresh_token)
            _remember_account(self._application, traded, stems_from)
        return traded

    def _account(self) -> dict[str, Any] | None:
        """MSAL's account that signs in, if the cache holds one.

        What the cache holds is newer than the configured refresh token, as long as that token is
        still the one that was configured then.
        """
        known = recall(self._cache, _key(self._application))
        if known.get("stems_from") != _fingerprint(self._credentials.refresh_token):
            return None
        accounts: list[dict[str, Any]] = self._application.get_accounts()
        wanted = known.get("home_account_id")
        return next((each for each in accounts if each["home_account_id"] == wanted), None)

    def _nobody(self) -> SignInRequired:
        holds = "is empty or damaged" if self._file.is_damaged else "holds no sign-in for this app"
        return SignInRequired(
            f"Nobody has signed in yet: the token cache {self._file.path} {holds}. "
            f"What the warehouse holds is kept. {_LOGIN}"
        )


def sign_in_with_device_code(
    credentials: PartnerCenterCredentials,
    show: Callable[[str], None],
    *,
    certificate: Path | None = None,
) -> str:
    """Let a person sign in with a browser of theirs; keep the tokens, return the account's name.

    `show` is called once with what to do; then this waits until it is done or the code expires.
    `certificate` is trusted for an authority on this machine.
    """
    file = _usable_file(credentials)
    with explain_failures(credentials.authority):
        application = _application(credentials, certificate, new_cache(), secret="")
        flow = application.initiate_device_flow([ANALYTICS_SCOPE])
    if "user_code" not in flow:
        raise refusal(flow, _LOGIN)
    show(f"Open {flow['verification_uri']} in a browser and enter the code {flow['user_code']}")
    with explain_failures(credentials.authority):
        answer = application.acquire_token_by_device_flow(flow)
    return _keep(application, answer, credentials, file)


def sign_in_with_browser(
    credentials: PartnerCenterCredentials,
    show: Callable[[str], None],
    open_browser: Callable[[str], object],
    paste: Callable[[], str] | None = None,
    *,
    certificate: Path | None = None,
) -> str:
    """Sign a user in to a confidential client (authorization code with PKCE); the account's name.

    The tokens are kept in the token cache. With `paste` no browser is opened: it returns the
    address at which a browser elsewhere ended. `certificate` is trusted for an authority on this
    machine.
    """
    file = _usable_file(credentials)
    secret = credentials.client_secret
    with explain_failures(credentials.authority):
        application = _application(credentials, certificate, new_cache(), secret=secret)
    with LoopbackListener() as listener:
        flow = _begin_code_flow(application, PASTE_ADDRESS if paste else listener.address)
        show(f"Open {flow['auth_uri']} in a browser and sign in as a partner user.")
        if paste:
            answer = read_pasted_answer(paste())
        else:
            open_browser(flow["auth_uri"])
            answer = listener.wait(flow["state"])
    if "error" in answer:
        raise refusal(answer, _LOGIN)
    if answer.get("state") != flow["state"]:
        raise SignInRequired(
            f"The pasted address belongs to another sign-in. Nothing was kept. {_LOGIN}"
        )
    with explain_failures(credentials.authority):
        tokens = application.acquire_token_by_auth_code_flow(flow, answer)
    return _keep(application, tokens, credentials, file)


def _begin_code_flow(application: Any, redirect_uri: str) -> dict[str, Any]:
    """MSAL's authorization code flow with PKCE; its answer comes in the redirect's query."""
    with warnings.catch_warnings():
        # MSAL recommends form_post, which cannot be pasted; PKCE protects a code that is seen.
        warnings.filterwarnings("ignore", message="response_mode", category=UserWarning)
        flow: dict[str, Any] = application.initiate_auth_code_flow(
            [ANALYTICS_SCOPE], redirect_uri=redirect_uri, prompt="select_account"
        )
    return flow


def read_refresh_token(credentials: PartnerCenterCredentials) -> str:
    """The newest refresh token in the token cache for this application; SignInRequired if none."""
    cache = new_cache()
    with _cache_file(credentials).opened(cache):
        found = [
            entry
            for entry in cache.search("RefreshToken")
            if entry.get("client_id") == credentials.client_id
        ]
    if not found:
        raise SignInRequired(f"The token cache holds no refresh token for this app. {_LOGIN}")
    newest = max(found, key=lambda entry: int(entry.get("last_modification_time", 0)))
    return str(newest["secret"])


def _cache_file(credentials: PartnerCenterCredentials) -> TokenCacheFile:
    named = credentials.token_cache
    return TokenCacheFile(Path(named).expanduser() if named else default_path())


def _usable_file(credentials: PartnerCenterCredentials) -> TokenCacheFile:
    """The token cache; one that cannot be used is told before anybody signs in for it."""
    credentials.require_client()
    file = _cache_file(credentials)
    with file.opened(new_cache()):
        pass
    return file


def _keep(
    application: Any,
    answer: dict[str, Any],
    credentials: PartnerCenterCredentials,
    file: TokenCacheFile,
) -> str:
    """Keep the tokens of a sign-in; the account's name. Raises SignInRequired if it was refused."""
    if "access_token" not in answer:
        raise refusal(answer, _LOGIN)
    account = _remember_account(application, answer, _fingerprint(credentials.refresh_token))
    file.merge(application.token_cache)
    return account


def _application(
    credentials: PartnerCenterCredentials, certificate: Path | None, cache: Any, *, secret: str
) -> Any:
    """MSAL's client, confidential if it has a `secret`; the authority is asked about itself."""
    kind = ConfidentialClientApplication if secret else PublicClientApplication
    return kind(
        credentials.client_id,
        client_credential=secret or None,
        authority=credentials.authority,
        token_cache=cache,
        http_client=authority_session(credentials.authority, certificate),
        # Otherwise a public host is asked whether it knows the configured one.
        instance_discovery=False,
    )


def _key(application: Any) -> dict[str, str]:
    """What a sign-in is kept under."""
    return {
        "environment": application.authority.instance,
        "realm": application.authority.tenant,
        "client_id": application.client_id,
    }


def _remember_account(application: Any, answer: dict[str, Any], stems_from: str) -> str:
    """Note whose the tokens in `answer` are, and the refresh token that was configured then.

    Returns the account's name.
    """
    claims = answer.get("id_token_claims", {})
    for account in application.get_accounts():
        if account["local_account_id"] == claims.get("oid", claims.get("sub")):
            remember(
                application.token_cache,
                _key(application),
                home_account_id=account["home_account_id"],
                stems_from=stems_from,
            )
            return str(account["username"])
    return ""


def _fingerprint(secret: str) -> str:
    """A name for a secret that does not tell it; empty for an empty one."""
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""
