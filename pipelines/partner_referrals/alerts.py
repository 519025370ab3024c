"""Tells a chat that a scheduled run needs a look, and a monitor that one went well."""

import html
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import RequestException

from partner_center.configuration import forget_configuration, read_runtime
from partner_center.endpoints import is_safe_url
from partner_center.wording import counted
from partner_referrals.errors import ReferralsError, UsageError
from partner_referrals.settings import (
    ALERTS_HEARTBEAT,
    ALERTS_WEBHOOK,
    DEFAULT_WAREHOUSE,
    Setting,
    name_warehouse,
)

# Where Teams' Workflows take messages; everything else is taken to understand Slack's shape, as
# Mattermost, Rocket.Chat and Google Chat do.
_TEAMS_HOSTS = (".logic.azure.com", ".logic.azure.us", ".api.powerplatform.com")

# A job should end soon, whether or not the chat answers.
_TIMEOUT_SECONDS = 4
_ATTEMPTS = 3
# For all attempts together: a server that sends a byte each second meets no other limit.
_DEADLINE_SECONDS = 20

# Longer ones are refused by some chats.
_MAX_CHARACTERS = 2_000


def read_address(setting: Setting) -> str:
    """The address in `[alerts] webhook` or `heartbeat`, empty where there is none.

    Raises UsageError where what is sent to it would not be encrypted, without showing the address.
    """
    address = setting.read()
    if address and not is_safe_url(address):
        raise UsageError(
            f"{setting.section}.{setting.name} must be an https address, because what is "
            "sent to it has to be encrypted. Write https://..., or leave it empty."
        )
    return address


class Alerts:
    """Tells the configured chat what needs a look, and the configured heartbeat what went well.

    `say` is called where they cannot be told: an alert changes nothing about a load. Messages name
    `warehouse` and `account` as soon as these are set. `option` is the warehouse that the command
    line names, if any: a file beside it holds a character for each trouble that the chat knows of.
    """

    def __init__(self, job: str, say: Callable[[str], None], option: Path | None = None) -> None:
        self.warehouse = ""
        self.account = ""
        self._job = f"{job} on {platform.node() or 'an unnamed host'}"
        self._say = say
        self._webhook = read_address(ALERTS_WEBHOOK)
        self._heartbeat = read_address(ALERTS_HEARTBEAT)
        # Not in load_runs: where the configuration is wrong, there is no run.
        self._troubles = _beside_warehouse(option)

    def tell_trouble(self, message: str) -> None:
        """Send a message to the chat, if there is one, and keep that it was told."""
        if self._tell(message):
            with suppress(OSError), self._troubles.open("a") as troubles:
                troubles.write(".")

    def note_good_load(self) -> None:
        """Ask for the heartbeat; if the chat was told of trouble, tell that it is over."""
        count = self._troubles.stat().st_size if self._troubles.is_file() else 0
        if count and self._tell(f"recovered: this load is good, after {counted(count, 'alerts')}."):
            with suppress(OSError):
                self._troubles.unlink()
        if self._heartbeat and (trouble := beat(self._heartbeat)):
            self._say(trouble)

    def _tell(self, message: str) -> bool:
        """Whether there is a chat, and it took the message."""
        if not self._webhook:
            return False
        subject = ", ".join(filter(None, (self._job, self.warehouse, self.account)))
        trouble = alert(self._webhook, f"{subject}: {message}")
        if trouble:
            self._say(trouble)
        return not trouble


def _beside_warehouse(option: Path | None) -> Path:
    """Where it is kept what the chat was told, also if the configuration cannot be used."""
    try:
        warehouse = name_warehouse(option)
    except UsageError:
        warehouse = Path(DEFAULT_WAREHOUSE)
    return warehouse.with_name(f"{warehouse.name}.alerted")


@contextmanager
def alerting(job: str, say: Callable[[str], None], option: Path | None = None) -> Iterator[Alerts]:
    """Tell the configured chat, if any, when what stands inside fails; errors pass unchanged.

    `option` is the warehouse that the command line names, if any.
    """
    alerts = Alerts(job, say, option)
    try:
        yield alerts
    except ReferralsError as error:
        alerts.tell_trouble(f"failed. {error}")
        raise
    except Exception as error:
        # Its text may hold anything, customer names included, so it stays on this machine.
        alerts.tell_trouble(
            f"failed with an unexpected error ({type(error).__name__}); see the job's log."
        )
        raise


def alert(webhook: str, message: str) -> str | None:
    """Send `message` to the chat behind `webhook`; None, or a sentence that says what went wrong.

    Never raises, since whoever calls has a failure of its own to tell. The sentence does not show
    the address: who knows it can write to the chat.
    """
    body = shape_message(urlsplit(webhook).hostname or "", message[:_MAX_CHARACTERS])
    trouble = _send("POST", webhook, body)
    return f"The alert was not sent: {trouble}." if trouble else None


def beat(address: str) -> str | None:
    """Ask for `address` once, as heartbeat monitors expect; None, or what went wrong."""
    trouble = _send("GET", address)
    return f"The heartbeat was not sent: {trouble}." if trouble else None


def _send(method: str, address: str, body: dict[str, Any] | None = None) -> str | None:
    """None where the server took it, or else why not; without the address, which is a secret."""
    outcome: list[str | None] = [
        f"{urlsplit(address).hostname} did not answer within {_DEADLINE_SECONDS} s. Look whether "
        "its address is right"
    ]

    def send() -> None:
        outcome[0] = _request(method, address, body)

    # A thread that ends with the process, whatever it still waits for.
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    sender.join(_DEADLINE_SECONDS)
    return outcome[0]


def _request(method: str, address: str, body: dict[str, Any] | None) -> str | None:
    """Send a request, and read nothing of the answer but its status; what went wrong, if any."""
    try:
        runtime = read_runtime()
    except UsageError:
        # The alert may be about this.
        forget_configuration()
        runtime = read_runtime()
    # Reads dlt's configuration when imported, so not before that was checked.
    from dlt.sources.helpers.requests import Client

    client = Client(
        request_timeout=_TIMEOUT_SECONDS,
        request_max_attempts=_ATTEMPTS,
        request_backoff_factor=runtime.request_backoff_factor,
        request_max_retry_delay=_TIMEOUT_SECONDS,
        raise_for_status=False,
    )
    host = urlsplit(address).hostname or ""
    try:
        # dlt's send_slack_message waits without end for a chat that does not answer.
        answer = client.request(method, address, json=body, allow_redirects=False, stream=True)
        answer.close()
    # OSError: the trusted certificates cannot be read, which requests does not wrap.
    except (RequestException, OSError, ValueError) as error:
        return (
            f"{host} could not be reached ({type(error).__name__}). Look whether its address is "
            "right, and whether this machine may reach it"
        )
    if answer.status_code < 300:
        return None
    return f"{host} answered {answer.status_code}. Look whether the address is still right"


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
