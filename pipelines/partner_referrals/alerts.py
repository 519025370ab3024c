"""Tells a chat that a scheduled run needs a look."""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from requests import RequestException

from partner_center.settings import require_tls
from partner_referrals.errors import ReferralsError, UsageError
from partner_referrals.settings import ALERTS_WEBHOOK

# Where Teams' Workflows take messages; everything else is taken to understand Slack's shape, as
# Mattermost, Rocket.Chat and Google Chat do.
_TEAMS_HOSTS = (".logic.azure.com", ".logic.azure.us", ".api.powerplatform.com")

# A failed job should end soon, whether or not the chat answers.
_TIMEOUT_SECONDS = 10
_ATTEMPTS = 3

# Longer ones are refused by some chats.
_MAX_CHARACTERS = 2_000


def read_webhook() -> str:
    """The address in `[alerts] webhook`, empty where nobody is to be told.

    Raises UsageError where messages to it would not be encrypted, without showing the address.
    """
    webhook = ALERTS_WEBHOOK.read()
    if webhook and not _is_safe(webhook):
        raise UsageError(
            "alerts.webhook is no https address, so messages to it would travel in the clear. "
            "Write https://..., or leave it empty."
        )
    return webhook


@contextmanager
def alerting(job: str, say: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
    """Tell the configured chat, if any, when what stands inside fails; errors pass unchanged.

    Gives a function that tells it of something else. `say` is called where the chat cannot be
    told.
    """
    webhook = read_webhook()

    def tell(message: str) -> None:
        if webhook and (trouble := alert(webhook, f"{job}: {message}")):
            say(trouble)

    try:
        yield tell
    except ReferralsError as error:
        tell(f"failed. {error}")
        raise
    except Exception as error:
        # Its text may hold anything, customer names included, so it stays on this machine.
        tell(f"failed in a way that nobody foresaw ({type(error).__name__}); see the job's log.")
        raise


def alert(webhook: str, message: str) -> str | None:
    """Send `message` to the chat behind `webhook`; None, or a sentence that says what went wrong.

    Never raises, since whoever calls has a failure of its own to tell. The sentence does not show
    the address: who knows it can write to the chat.
    """
    if not _is_safe(webhook):
        return "Nobody was told: alerts.webhook is no https address."
    # Reads dlt's configuration when imported, so not before that was checked.
    from dlt.sources.helpers.requests import Client

    client = Client(
        request_timeout=_TIMEOUT_SECONDS,
        request_max_attempts=_ATTEMPTS,
        request_backoff_factor=resolve_configuration(RuntimeConfiguration()).request_backoff_factor,
        request_max_retry_delay=_TIMEOUT_SECONDS,
        raise_for_status=False,
    )
    host = urlsplit(webhook).hostname or ""
    try:
        # dlt's send_slack_message waits without end for a chat that does not answer.
        answer = client.post(
            webhook, json=shape_message(host, message[:_MAX_CHARACTERS]), allow_redirects=False
        )
    # OSError: the trusted certificates cannot be read, which requests does not wrap.
    except (RequestException, OSError, ValueError) as error:
        return f"Nobody was told: {host} could not be reached ({type(error).__name__})."
    if answer.status_code >= 300:
        return f"Nobody was told: {host} refused the message ({answer.status_code})."
    return None


def shape_message(host: str, message: str) -> dict[str, Any]:
    """What the chat at `host` takes: Teams an Adaptive Card, the others a text."""
    if not host.endswith(_TEAMS_HOSTS):
        # In Slack, <!channel> would ring for everyone.
        return {"text": html.escape(message, quote=False)}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": message, "wrap": True}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def _is_safe(webhook: str) -> bool:
    try:
        require_tls(webhook, "alerts.webhook")
    except (UsageError, ValueError):
        return False
    return True
