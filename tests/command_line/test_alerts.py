"""A failed run is told to a chat, if that can be done safely, and never fails because of it."""

import json
import platform
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import PluggableRunContext

from partner_referrals.alerts import alert, beat, read_address, shape_message
from partner_referrals.errors import UsageError
from partner_referrals.settings import ALERTS_WEBHOOK
from support.records import referral

SECRET_PATH = "/services/T0/B0/canary"
FAILURE = "referrals load failed: Partner Center kept answering 503."


class Chat(HTTPServer):
    """A chat that keeps what it is told, and answers as the test says."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Listener)
        self.received = []
        self.answers = []
        self.webhook = f"http://127.0.0.1:{self.server_port}{SECRET_PATH}"


class Listener(BaseHTTPRequestHandler):
    """One message to the chat, or one heartbeat."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, json.loads(body)))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self):
        self.server.received.append((self.path, None))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def chat():
    with Chat() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def refused(status):
    """What is said where the chat or the monitor answers so."""
    return f"127.0.0.1 answered {status}. Look whether the address is still right."


def test_alert_sends_the_message(chat):
    """One POST to the very address carries the sentence, in Slack's shape."""
    assert alert(chat.webhook, FAILURE) is None

    assert [(SECRET_PATH, {"text": FAILURE})] == chat.received


def test_alert_is_tried_again(chat):
    """A chat that is busy for a moment is told all the same."""
    chat.answers = [503, 429]

    assert alert(chat.webhook, FAILURE) is None

    assert 3 == len(chat.received)


def test_heartbeat_is_asked_for(chat):
    """One GET, tried again where the monitor is busy; what it refuses is a sentence."""
    chat.answers = [503, 200, 404]

    assert beat(chat.webhook) is None
    assert f"The heartbeat was not sent: {refused(404)}" == beat(chat.webhook)
    assert [(SECRET_PATH, None)] * 3 == chat.received


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_refused_alert_is_a_sentence(chat, answer):
    """What the chat does not take is told without the address, and raises nothing."""
    chat.answers = [answer] * 3

    assert f"The alert was not sent: {refused(answer)}" == alert(chat.webhook, FAILURE)
    assert {SECRET_PATH} == {path for path, _ in chat.received}


def test_answer_without_end_is_not_awaited(monkeypatch):
    """The status alone counts; where even that does not end, a deadline does."""
    monkeypatch.setattr("partner_referrals.alerts._DEADLINE_SECONDS", 1.5)
    told = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}{SECRET_PATH}"
        for head in (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 "):
            drip = threading.Thread(target=send_slowly, args=(server, head))
            drip.start()
            told.append(beat(address))
            drip.join()

    assert told == [
        None,
        "The heartbeat was not sent: 127.0.0.1 did not answer within 1.5 s. Look whether its "
        "address is right.",
    ]


def send_slowly(server, head):
    """Answer one request with `head`, and then with a byte now and then."""
    peer, _ = server.accept()
    with peer, suppress(OSError):
        peer.recv(65_536)
        peer.sendall(head)
        for _ in range(20):
            time.sleep(0.1)
            peer.sendall(b".")


def test_unreachable_chat_is_a_sentence(chat):
    """Where nobody listens, the sentence names the host and not the secret part of the address."""
    chat.server_close()

    told = alert(chat.webhook, FAILURE)

    assert told == (
        "The alert was not sent: 127.0.0.1 could not be reached (ConnectionError). Look whether "
        "its address is right, and whether this machine may reach it."
    )


@pytest.mark.parametrize(
    "host",
    [
        "prod-01.westeurope.logic.azure.com",
        "prod-01.usgovvirginia.logic.azure.us",
        "default0a1b.c2.environment.api.powerplatform.com",
    ],
)
def test_teams_gets_a_card(host):
    """The hosts of Teams' Workflows are sent an Adaptive Card with the whole sentence."""
    message = shape_message(host, FAILURE)

    (attachment,) = message["attachments"]
    assert "message" == message["type"]
    assert "application/vnd.microsoft.card.adaptive" == attachment["contentType"]
    assert [{"type": "TextBlock", "text": FAILURE, "wrap": True}] == attachment["content"]["body"]


@pytest.mark.parametrize("host", ["hooks.slack.com", "logic.azure.com.example", "chat.example"])
def test_others_get_a_text(host):
    """Every other host is sent Slack's shape."""
    assert {"text": FAILURE} == shape_message(host, FAILURE)


def test_message_rings_for_nobody():
    """Slack's commands in a message, say from a server's answer, are inert."""
    assert {"text": "&lt;!channel&gt; &amp; more"} == shape_message(
        "hooks.slack.com", "<!channel> & more"
    )


def test_long_message_is_cut(chat):
    """A message longer than chats take arrives in part rather than not at all."""
    alert(chat.webhook, "x" * 100_000)

    assert [2_000] == [len(message["text"]) for _, message in chat.received]


def test_webhook_is_configured_in_a_file(tmp_path):
    """The line in dlt's files is read, also where it does not stand among the secrets."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text("[alerts]\nwebhook = 'https://hooks.example'\n")

    assert "https://hooks.example" == read_address(ALERTS_WEBHOOK)


def test_webhook_is_configured_in_the_environment(monkeypatch):
    """The variable is enough, and a line break around it does no harm."""
    monkeypatch.setenv("ALERTS__WEBHOOK", "https://hooks.example/canary\n")

    assert "https://hooks.example/canary" == read_address(ALERTS_WEBHOOK)


def test_no_webhook_is_none():
    """Without configuration nobody is to be told."""
    assert "" == read_address(ALERTS_WEBHOOK)


@pytest.mark.parametrize(
    "address", ["http://hooks.example/canary", "ftp://hooks.example/canary", "https://[canary"]
)
def test_unsafe_address_is_refused_unseen(monkeypatch, address):
    """Anything but https beyond this machine is found before the run, and is not shown."""
    monkeypatch.setenv("ALERTS__WEBHOOK", address)

    with pytest.raises(UsageError, match="must be an https address") as refused:
        read_address(ALERTS_WEBHOOK)

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("text", ["alerts = '{}'", "alerts.webhook = ['{}']"])
def test_address_in_the_wrong_place_is_not_shown(tmp_path, referrals, text):
    """Who knows it can write to the chat."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(text.format("https://hooks.example/canary"))

    code, out, told = referrals("doctor")

    assert 2 == code
    assert "alerts" in out
    assert "canary" not in out + told


# Of a load


@pytest.mark.parametrize(("answer", "code"), [(200, 0), (404, 2)])
def test_doctor_tries_the_chat(serve, referrals, chat, told, answer, code):
    """With --send-test a message goes out, and what came of it is told."""
    serve(referral("a"))
    chat.answers = [answer]

    found, out, _ = referrals("doctor", "--send-test")

    assert code == found
    assert ["This is a test by 'referrals doctor'."] == told()
    assert ("was sent a test" in out) == (answer == 200)


@pytest.fixture
def told(chat, monkeypatch):
    """What the configured chat was told, as texts."""
    monkeypatch.setenv("ALERTS__WEBHOOK", chat.webhook)
    return lambda: [message["text"] for _, message in chat.received if message]


def test_good_load_tells_its_heartbeat_alone(serve, referrals, chat, told, monkeypatch):
    """No news is good news for the chat; the monitor hears of each good load, and of no other."""
    monkeypatch.setenv("ALERTS__HEARTBEAT", chat.webhook)
    sandbox = serve(referral("a"))

    assert 0 == referrals("load")[0]
    assert [(SECRET_PATH, None)] == chat.received

    assert 0 == referrals("load", "--filter", "status eq 'New'")[0]
    assert [(SECRET_PATH, None)] == chat.received

    sandbox.revoke_access_tokens()
    referrals("load")
    assert [(SECRET_PATH, None)] == [each for each in chat.received if each[1] is None]
    assert 1 == len(told())


def test_recovery_is_told_once(serve, referrals, configure, told):
    """The first good load after bad ones says so, the next one nothing."""
    sandbox = serve(referral("a"))
    sandbox.revoke_access_tokens()
    for _ in range(2):
        referrals("load")
    configure(sandbox)

    for arguments in (("--filter", "status eq 'New'"), (), ()):
        assert 0 == referrals("load", *arguments)[0]

    *_, last = told()
    assert 3 == len(told())
    assert last.endswith("recovered: this load is good, after 2 alerts.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PUBLISH__DIR", "nowhere/published"),
        ("PIPELINE__WAREHOSE", "mistyped.duckdb"),
        ("RUNTIME__REQUEST_TIMEOUT", "soon"),
        ("VIEWS__SLA_RULES", "nowhere.csv"),
    ],
)
def test_recovery_from_what_left_no_run_is_told(
    serve, referrals, told, monkeypatch, variable, value
):
    """A failure before the warehouse was opened leads to the same message, once."""
    serve(referral("a"))
    with monkeypatch.context() as wrong:
        wrong.setenv(variable, value)
        assert 2 == referrals("load")[0]
    # Each process reads dlt's configuration anew; here the one is still without.
    Container()[PluggableRunContext] = PluggableRunContext()

    for _ in range(2):
        assert 0 == referrals("load")[0]

    _, last = told()
    assert last.endswith("recovered: this load is good, after 1 alert.")


def test_recovery_is_told_to_a_chat_that_missed_it(serve, referrals, configure, chat, told):
    """Where the chat does not take the message, the next good load tells it again."""
    sandbox = serve(referral("a"))
    sandbox.revoke_access_tokens()
    referrals("load")
    configure(sandbox)
    chat.answers = [404]

    for _ in range(3):
        assert 0 == referrals("load")[0]

    assert 3 == len(told())


def test_failed_load_is_told(serve, referrals, told, warehouse):
    """The chat reads the sentence that the log has, and of which load on which machine."""
    serve(referral("a")).revoke_access_tokens()

    code, _, said = referrals("load")

    (message,) = told()
    assert 3 == code
    subject, _, text = message.partition(": failed. ")
    assert f"referrals load on {platform.node()}, {warehouse}" == subject
    assert text == said.removeprefix("referrals: ").strip()


def test_load_that_does_not_reconcile_is_told(serve, referrals, told):
    """Everything is loaded, and somebody should know that it may not be everything."""
    sandbox = serve(referral("a"))
    sandbox.behaviour.total_offset = 1
    sandbox.behaviour.refuses_groupby = True

    assert 4 == referrals("load")[0]
    (message,) = told()
    assert ", tenant " in message
    assert "the listing was incomplete (Partner Center: 2, ours: 1)" in message


def test_unforeseen_failure_is_told_and_keeps_its_traceback(serve, referrals, told, monkeypatch):
    """The chat learns that something is wrong, the log what; the text itself stays here."""
    serve(referral("a"))

    def break_down(*_, **__):
        raise ZeroDivisionError("canary")

    monkeypatch.setattr("partner_referrals.load.run.refresh_views", break_down)

    # Nobody catches it, so that Python prints the traceback and exits with 1.
    with pytest.raises(ZeroDivisionError, match="canary"):
        referrals("load")
    (message,) = told()
    assert "unexpected error (ZeroDivisionError)" in message
    assert "canary" not in message


def test_failed_publish_is_told(serve, referrals, told, monkeypatch, tmp_path):
    """A load whose copy for BI tools cannot be written has failed as a job."""
    serve(referral("a"))
    (tmp_path / "occupied").write_text("a file, not a directory")
    monkeypatch.setenv("PUBLISH__DIR", str(tmp_path / "occupied"))

    code, _, _ = referrals("load")

    (message,) = told()
    assert 0 != code
    assert "Everything that came is loaded, but was not published." in message
    assert "occupied" in message
    assert "1" in referrals("query", "select count(*) from marts.referrals")[1]


def test_silent_chat_does_not_change_the_exit_code(serve, referrals, chat, told):
    """The load's own failure is what the scheduler sees; the log tells of both."""
    serve(referral("a")).revoke_access_tokens()
    chat.answers = [404]

    code, _, said = referrals("load")

    assert 3 == code
    assert f"The alert was not sent: {refused(404)}" in said


@pytest.mark.parametrize(
    ("document", "variable", "arguments"),
    [
        ("x = [", "1", []),
        ("", "much", ["--full", "--filter", "status eq 'Won'"]),
    ],
)
def test_configuration_that_dlt_cannot_read_is_told(
    serve, told, monkeypatch, tmp_path, document, variable, arguments
):
    """Also an alert about the configuration itself is sent."""
    serve(referral("a"))
    (tmp_path / ".dlt").mkdir(exist_ok=True)
    (tmp_path / ".dlt" / "config.toml").write_text(document)
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", variable)

    ended = subprocess.run(
        [sys.executable, "-m", "partner_referrals", "load", *arguments],
        capture_output=True, text=True,
    )  # fmt: skip

    assert (2, 1) == (ended.returncode, ended.stderr.count("\n"))
    assert 1 == len(told())
