"""Runs the stand-in: its records, its endpoint and its sign-in authority, in one `with` block."""

import tempfile
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from partner_center.errors import UsageError
from partner_center_sandbox.analytics import AnalyticsApi
from partner_center_sandbox.api import Api
from partner_center_sandbox.authority import CLIENT_ID, CLIENT_SECRET, Authority
from partner_center_sandbox.behaviour import Behaviour, RecordedRequest
from partner_center_sandbox.certificate import make_certificate
from partner_center_sandbox.engagements.api import EngagementsApi
from partner_center_sandbox.engagements.generator import GeneratedDeals
from partner_center_sandbox.engagements.store import DealStore
from partner_center_sandbox.generator import GeneratedReferrals
from partner_center_sandbox.record_store import Record
from partner_center_sandbox.resources import REFERRALS, SEARCHES
from partner_center_sandbox.searches import GeneratedSearches
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

    It holds `records` (referrals), `engagements` (deals) and `searches`: dicts, or raw JSON that is
    served word for word. If one of them is given, those that are not are empty. If none is, all are
    generated: `count` referrals, as many searches and about half as many deals, as of `days` days
    before `now` (naive UTC); `next_day` then leads up to `now`. `behaviour` makes it misbehave,
    `requests` and `sign_in_requests` tell what it was asked, `engagements` and `searches` hold
    its records.
    """

    tenant_id = TENANT_ID
    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET

    def __init__(
        self,
        records: Iterable[Record] | None = None,
        count: int = 2_000,
        seed: int = 7,
        now: datetime = datetime(2024, 1, 31, 12),
        *,
        engagements: Iterable[Record] | None = None,
        searches: Iterable[Record] | None = None,
        days: int = 1,
        api_port: int = 0,
        authority_port: int = 0,
    ) -> None:
        self.behaviour = Behaviour()
        self._api_port = api_port
        self._authority_port = authority_port
        self._tokens = Tokens()
        self._authority = Authority(self._tokens, self.behaviour)
        self._access_token = self._engagements_access_token = self._refresh_token = ""
        self._last_month = f"{now:%Y%m}"
        self._generated: tuple[GeneratedReferrals, GeneratedSearches, GeneratedDeals] | None = None
        if records is None and engagements is None and searches is None:
            self._generated = (
                GeneratedReferrals(count, seed, now, days),
                GeneratedSearches(count, seed, now, days),
                GeneratedDeals(count // 2, seed, now, days),
            )
            records, searches = self._generated[0].first_day(), self._generated[1].records()
            engagements = self._generated[2].records()
        self._referrals = Store(REFERRALS, records or ())
        self.engagements = DealStore(engagements or ())
        self.searches = Store(SEARCHES, searches or ())
        if self._generated:
            # Now, so that no client waits for it.
            self._referrals.index()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._referrals.close)
            stack.callback(self.searches.close)
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-")))
            self.certificate, key = make_certificate(directory)
            closing = threading.Event()
            api = stack.enter_context(LoopbackServer(self._api(closing), self._api_port))
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

    def _api(self, closing: threading.Event) -> Api:
        stores = {store.resource.path: store for store in (self._referrals, self.searches)}
        analytics = AnalyticsApi(stores, self._tokens, self.behaviour)
        engagements = EngagementsApi(
            self.engagements, self._tokens, self.behaviour.engagements, self._last_month
        )
        return Api(analytics, engagements, self.behaviour, closing)

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

    @property
    def is_generated(self) -> bool:
        """Whether it made its records up, so that there is a next day."""
        return self._generated is not None

    def next_day(self) -> None:
        """Show everything one day later: new records, and others that changed."""
        if self._generated is None:
            raise UsageError("Only generated records have a next day; given ones do not.")
        referrals, searches, deals = self._generated
        self._referrals.put_unless_deleted(referrals.next_day())
        self._referrals.index()
        # Where they were not listed so far, the first listing will be that of the new day.
        self.searches.put(*searches.next_day())
        self.engagements.put_unless_deleted(deals.next_day())

    def records(self) -> list[dict[str, Any]]:
        """The referrals that a full listing would give now, in its order."""
        return self._referrals.records()

    def put(self, record: Record) -> None:
        """Change the referral with this id, or add it at the end."""
        self._referrals.put(record)

    def delete(self, referral_id: str) -> None:
        """Remove the referral with this id for good; KeyError if there is none."""
        self._referrals.delete(referral_id)
