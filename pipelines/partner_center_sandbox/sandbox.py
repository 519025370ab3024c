"""Runs the stand-in: its records, its endpoint and its sign-in authority, in one `with` block."""

import json
import tempfile
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from partner_center.errors import UsageError
from partner_center_sandbox.api import ReferralsApi
from partner_center_sandbox.authority import CLIENT_ID, CLIENT_SECRET, Authority
from partner_center_sandbox.behaviour import Behaviour, RecordedRequest
from partner_center_sandbox.certificate import make_certificate
from partner_center_sandbox.generator import GeneratedReferrals
from partner_center_sandbox.server import LOOPBACK, LoopbackServer
from partner_center_sandbox.store import Store
from partner_center_sandbox.tokens import (
    ANALYTICS_AUDIENCE,
    ENGAGEMENTS_AUDIENCE,
    TENANT_ID,
    Tokens,
)


class Sandbox:
    """Partner Center on loopback, within a `with` block; any number of them at once.

    It holds `records` (dicts, or raw JSON that is served word for word), or else `count` generated
    referrals as of `days` days before `now` (naive UTC); `next_day` then leads up to `now`.
    `behaviour` makes it misbehave, `requests` and `sign_in_requests` tell what it was asked.
    """

    tenant_id = TENANT_ID
    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET

    def __init__(
        self,
        records: Iterable[dict[str, Any] | str] | None = None,
        count: int = 2_000,
        seed: int = 7,
        now: datetime = datetime(2024, 1, 31, 12),
        *,
        days: int = 1,
        api_port: int = 0,
        authority_port: int = 0,
    ) -> None:
        self.behaviour = Behaviour()
        self._api_port = api_port
        self._authority_port = authority_port
        self._tokens = Tokens()
        self._store = Store()
        self._authority = Authority(self._tokens, self.behaviour)
        self._access_token = self._engagements_access_token = self._refresh_token = ""
        # The next day must not bring them back.
        self._deleted_ids: set[str] = set()
        self._generated: GeneratedReferrals | None = None
        if records is None:
            self._generated = GeneratedReferrals(count, seed, now, days)
            self._store.add(self._generated.first_day())
            self._store.index()
        else:
            self._store.add(records)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._store.close)
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-")))
            self.certificate, key = make_certificate(directory)
            closing = threading.Event()
            answer = ReferralsApi(self._store, self._tokens, self.behaviour, closing)
            api = stack.enter_context(LoopbackServer(answer, self._api_port))
            authority = stack.enter_context(
                LoopbackServer(self._authority, self._authority_port, (self.certificate, key))
            )
            stack.callback(closing.set)
            self.base_url = f"http://{LOOPBACK}:{api.port}"
            self.authority_url = f"https://localhost:{authority.port}/{TENANT_ID}"
            self.requests: list[RecordedRequest] = api.requests
            self.sign_in_requests: list[RecordedRequest] = authority.requests
            self._running = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()

    @property
    def access_token(self) -> str:
        """A bearer token that the API accepts now; the same as before as long as that one is."""
        if not self._tokens.audience_of(self._access_token):
            self._access_token = self._issue(ANALYTICS_AUDIENCE)
        return self._access_token

    @property
    def engagements_access_token(self) -> str:
        """The same for the engagements API, which takes tokens of another audience."""
        if not self._tokens.audience_of(self._engagements_access_token):
            self._engagements_access_token = self._issue(ENGAGEMENTS_AUDIENCE)
        return self._engagements_access_token

    def _issue(self, audience: str) -> str:
        behaviour = self.behaviour
        return self._tokens.issue_access_token(
            behaviour.token_lifetime_seconds, audience, behaviour.token_user
        )

    @property
    def refresh_token(self) -> str:
        """A good refresh token of the confidential client; another once it was traded in."""
        if self._tokens.is_confidential(self._refresh_token) is None:
            self._refresh_token = self._tokens.issue_refresh_token(is_confidential=True)
        return self._refresh_token

    def revoke_access_tokens(self) -> None:
        """From now on the API answers 401 to every token issued so far."""
        self._tokens.revoke_access_tokens()

    @property
    def auto_approve(self) -> bool:
        """Whether device sign-ins that begin from now on need no person."""
        return self._authority.auto_approve

    @auto_approve.setter
    def auto_approve(self, value: bool) -> None:
        self._authority.auto_approve = value

    def approve(self, user_code: str) -> None:
        """Approve a device sign-in as a person would on the verification page."""
        self._authority.approve(user_code)

    def next_day(self) -> None:
        """Show the referrals one day later: new ones, and others that moved on."""
        if self._generated is None:
            raise UsageError("Only generated referrals have a next day, given records do not.")
        moved = self._generated.next_day()
        self._store.put(record for record in moved if str(record["id"]) not in self._deleted_ids)
        self._store.index()

    def records(self) -> list[dict[str, Any]]:
        """What the endpoint would list now, in its order."""
        return [json.loads(body) for body in self._store.rows()]

    def put(self, record: dict[str, Any] | str) -> None:
        """Change the record with this id, or add it at the end."""
        self._store.put([record])

    def delete(self, referral_id: str) -> None:
        """Remove the record with this id for good; KeyError if there is none."""
        self._store.delete(referral_id)
        self._deleted_ids.add(referral_id)
