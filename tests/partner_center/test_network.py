"""Loads over a bad network: what a person would call flaky, hostile or impatient."""

import itertools
import signal
import socket
import socketserver
import ssl
import struct
import threading
import time
from email.utils import formatdate

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from partner_center import connect
from partner_center.resources import REFERRALS
from partner_center.settings import resolve_settings
from partner_center_sandbox import Sandbox, api_error, throttled
from partner_referrals.errors import ServerFailed, SignInRequired, Throttled, UsageError
from support.records import referral

OPTION = "SOURCES__PARTNER_CENTER__"
PAGE_SIZE = 10
PAGES = 12
# Seconds that the silence of a server is borne with where a test waits for its end.
SHORT = "0.3"


class Line(socketserver.ThreadingTCPServer):
    """Between the program and a stand-in; `faults` befall the first answers, one each.

    A fault gets the connection and the stand-in's answer, and what it leaves undone stays undone.
    """

    def __init__(self, sandbox, *faults, tls=None):
        super().__init__(("127.0.0.1", 0), _Passage)
        self.stand_in = sandbox.base_url.rpartition(":")[2]
        self.faults = itertools.chain(faults, itertools.repeat(pass_on))
        self.connection_count = 0
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.base_url = f"{'https' if tls else 'http'}://localhost:{self.server_address[1]}"

    def get_request(self):
        self.connection_count += 1
        return super().get_request()

    def handle_error(self, request, client_address):
        """Clients that go away are the point here."""


class _Passage(socketserver.BaseRequestHandler):
    def handle(self):
        asked = b""
        while b"\r\n\r\n" not in asked:
            piece = self.request.recv(65_536)
            if not piece:
                return
            asked += piece
        with socket.create_connection(("127.0.0.1", int(self.server.stand_in))) as stand_in:
            stand_in.sendall(asked.replace(b"Connection: keep-alive", b"Connection: close"))
            answer = b"".join(iter(lambda: stand_in.recv(65_536), b""))
        next(self.server.faults)(self.request, answer)


def pass_on(connection, answer):
    connection.sendall(answer)


def reset(connection, answer):
    # Closing without lingering sends RST in place of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang_up(connection, answer):
    connection.close()


def cut_short(connection, answer):
    connection.sendall(answer[:-40])


def drip(connection, answer):
    """One byte at a time, each in time."""
    head, _, body = answer.partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    _send_slowly(connection, body)


def drip_head(connection, answer):
    """The same from the first byte on, and no end of it."""
    _send_slowly(connection, itertools.chain(answer[:30], itertools.repeat(ord("x"))))


def _send_slowly(connection, answer):
    for byte in answer:
        time.sleep(0.05)
        connection.sendall(bytes([byte]))


def fall_silent(connection, answer):
    connection.recv(1)


def say(status, body=b"", head=b"X: y"):
    """A fault: this answer in place of the stand-in's."""
    answer = b"HTTP/1.1 %b\r\n%b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    return lambda connection, _: connection.sendall(answer % (status, head, len(body), body))


@pytest.fixture
def set_option(monkeypatch):
    """Sets options of the source."""
    return lambda name, value: monkeypatch.setenv(f"{OPTION}{name}", str(value))


@pytest.fixture
def sandbox(serve, set_option):
    """A stand-in with twelve pages."""
    set_option("PAGE_SIZE", PAGE_SIZE)
    return serve(*(referral(f"r{number:03}") for number in range(PAGES * PAGE_SIZE)))


@pytest.fixture
def disturb(sandbox, set_option):
    """Puts a line with these faults before the stand-in; as the source from now on."""
    lines = []

    def start(*faults, tls=None):
        line = Line(sandbox, *faults, tls=tls)
        thread = threading.Thread(target=line.serve_forever, args=[0.02])
        thread.start()
        lines.append((line, thread))
        set_option("BASE_URL", line.base_url)
        return line

    yield start
    for line, thread in lines:
        line.shutdown()
        thread.join()
        line.server_close()


@pytest.fixture
def signed_in(sandbox, set_option, monkeypatch):
    """Whoever loads signs in through MSAL, as a server."""
    monkeypatch.delenv(f"{OPTION}CREDENTIALS__ACCESS_TOKEN")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.certificate))
    set_option("CREDENTIALS__AUTHORITY", sandbox.authority_url)
    for name in ("tenant_id", "client_id", "client_secret", "refresh_token"):
        set_option(f"CREDENTIALS__{name.upper()}", getattr(sandbox, name))
    return sandbox


@pytest.fixture
def get(sandbox):
    """Asks for the first page; how many rows came."""
    return lambda: connect(resolve_settings()).get(
        {"top": PAGE_SIZE, "skip": 0}, REFERRALS.reader.read_page
    )


def skipped(request):
    """How many rows a request skips; 0 where it does not say."""
    return int(request.params.get("skip", 0))


def pages(sandbox):
    return [skipped(request) for request in sandbox.requests]


def token_count(sandbox):
    return sum(request.path.endswith("/token") for request in sandbox.sign_in_requests)


def is_right(run):
    """The run brought everything and Partner Center's counts agree."""
    return (run.rows_new, run.reconciled) == (PAGES * PAGE_SIZE, True)


# 401


def test_token_refused_in_mid_paging_is_renewed(signed_in, load, set_option):
    """One new token, the same page again with it, and the run ends right."""
    set_option("PARALLEL_REQUESTS", 1)

    def revoke(request):
        if len(signed_in.requests) == 3:
            signed_in.revoke_access_tokens()

    signed_in.behaviour.on_request = revoke

    run = load()

    assert is_right(run)
    assert [0, 10, 20, 20, 30] == pages(signed_in)[:5]
    assert [200, 200, 401, 200, 200] == [request.status for request in signed_in.requests[:5]]
    assert 2 == token_count(signed_in)


def test_token_refused_again_ends_the_run(signed_in, load, set_option):
    """No storm: one request more with one token more, then exit code 3."""
    set_option("PARALLEL_REQUESTS", 1)
    signed_in.behaviour.on_request = lambda request: (
        api_error(401, "no") if skipped(request) else None
    )

    with pytest.raises(SignInRequired) as caught:
        load()

    assert 3 == caught.value.exit_code
    assert [0, 10, 10] == pages(signed_in)
    assert 2 == token_count(signed_in)


def test_renewed_token_outlives_a_failure(signed_in, load, set_option):
    """A 500 right after the renewal is asked again with the new token, not with the refused one."""
    set_option("PARALLEL_REQUESTS", 1)

    def revoke_then_fail(request):
        if len(signed_in.requests) == 3:
            signed_in.revoke_access_tokens()
        return api_error(500, "no") if len(signed_in.requests) == 4 else None

    signed_in.behaviour.on_request = revoke_then_fail

    assert is_right(load())
    assert [200, 200, 401, 500, 200] == [request.status for request in signed_in.requests[:5]]


def test_refused_access_token_is_told_with_its_call(sandbox, load):
    """A token that nothing can renew: the message has the id that Microsoft support finds."""
    sandbox.revoke_access_tokens()

    with pytest.raises(SignInRequired, match="configured access_token") as caught:
        load()

    (request,) = sandbox.requests
    assert request.headers["ms-correlationid"] in str(caught.value)


def test_workers_refused_at_once_do_not_storm(signed_in, load):
    """Each worker asks twice at most; four ask while two read."""
    signed_in.behaviour.on_request = lambda request: (
        api_error(401, "no") if skipped(request) else None
    )

    with pytest.raises(SignInRequired):
        load()

    assert 1 + 6 * 2 >= len(signed_in.requests)


def test_token_that_expires_in_mid_run_is_replaced(signed_in, load):
    """Tokens that live for a second carry a run through, and none is refused."""
    signed_in.behaviour.token_lifetime_seconds = 1

    run = load()

    assert is_right(run)
    assert {200} == {request.status for request in signed_in.requests}
    assert 1 < len({request.headers["authorization"] for request in signed_in.requests})


def test_role_that_is_missing_is_named(sandbox, referrals, warehouse):
    """403: asked once, exit code 3, and it says what to ask an administrator for."""
    sandbox.behaviour.on_request = lambda _: api_error(403, "no")

    code, _, told = referrals("load", "--warehouse", warehouse)

    assert 3 == code
    assert "Referrals admin" in told
    assert 1 == len(sandbox.requests)


# 429


@pytest.mark.slow
@pytest.mark.parametrize("is_date", [False, True], ids=["seconds", "date"])
def test_throttling_pauses_every_worker(sandbox, load, is_date):
    """After a 429 no request arrives before the time told, and the run goes on to its end."""
    together = threading.Barrier(4)
    arrivals, told = [], []

    def throttle_one_of_four(request):
        arrivals.append(time.time())
        if len(arrivals) in range(2, 6):
            # All four are on their way before the first of them is answered.
            if together.wait() == 0:
                told.append(int(time.time() + 2) if is_date else time.time() + 1)
                return throttled(formatdate(told[0], usegmt=True) if is_date else 1)
            time.sleep(0.1)
        return None

    sandbox.behaviour.on_request = throttle_one_of_four

    run = load()

    assert is_right(run)
    assert told[0] <= min(arrivals[5:])
    assert 1 == run.retries


def test_after_throttling_workers_come_back_one_by_one(sandbox, load, set_option):
    """The first goes alone; with each good answer one more goes along, up to all of them."""
    set_option("PAGE_SIZE", 4)
    together = threading.Barrier(4)
    under_way, finished = [], []

    def answer(request):
        number = len(under_way)
        under_way.append(number + 1 - len(finished))
        try:
            if number in range(1, 5):
                together.wait()
            if number == 1:
                return throttled("0.5")
            time.sleep(0.05)
        finally:
            finished.append(number)

    sandbox.behaviour.on_request = answer

    assert is_right(load())
    # As many are answered before the n-th as make room for it.
    assert [] == [n for n, at_once in enumerate(under_way[5:], start=1) if at_once > (n + 1) / 2]
    assert 4 == max(under_way[5:])


def test_time_is_told_by_the_clock_of_the_server(get, disturb):
    """A date to wait for is no hour away, nor past, only because our clock is wrong."""
    late = b"Date: Fri, 01 Jan 2099 00:00:00 GMT\r\nRetry-After: Fri, 01 Jan 2099 00:00:01 GMT"
    line = disturb(say(b"429 Too Many Requests", head=late))
    started = time.monotonic()

    assert PAGE_SIZE == get().item_count
    assert 1 <= time.monotonic() - started
    assert 2 == line.connection_count


def test_patience_is_limited_in_sum(sandbox, load, set_option):
    """Many short waits are as much as one long one."""
    set_option("MAX_WAIT_SECONDS", 0.5)
    sandbox.behaviour.on_request = lambda _: throttled("0.2")

    with pytest.raises(Throttled, match="max_wait_seconds"):
        load()

    assert 3 == len(sandbox.requests)


def test_worker_that_waits_learns_that_the_run_gave_up(sandbox, load):
    """Told ten minutes and an hour at once, nobody waits for the ten minutes."""
    together = threading.Barrier(4)

    def ask_for_patience(request):
        if not skipped(request):
            return None
        # The last page, because the run waits for the first of these.
        if together.wait() == 3:
            time.sleep(0.2)
            return throttled(3600)
        return throttled(600)

    sandbox.behaviour.on_request = ask_for_patience

    with pytest.raises(Throttled):
        load()


def test_hour_is_too_long(sandbox, referrals, warehouse):
    """The command gives up at once with 75, and the message names the call."""
    sandbox.behaviour.on_request = lambda _: throttled(3600)

    code, _, told = referrals("load", "--warehouse", warehouse)

    assert 75 == code
    assert sandbox.requests[0].headers["ms-correlationid"] in told


# Answers that are none


PASSING = {
    "500": say(b"500 Internal Server Error"),
    "html": say(b"200 OK", b"<html>Welcome to the hotel</html>"),
    "truncated": say(b"200 OK", b'{"Value": [{"id": "r000", "sta'),
    "no rows": say(b"200 OK", b'{"code": 0}'),
    "reset": reset,
    "hung up": hang_up,
    "short body": cut_short,
    "garbage": lambda connection, answer: connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "dripping body": drip,
    "dripping head": drip_head,
    "silence": fall_silent,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_passing_fault_is_survived(get, disturb, monkeypatch, fault):
    """What was asked for in vain is asked for again."""
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", SHORT)
    line = disturb(fault)

    assert PAGE_SIZE == get().item_count
    assert 2 <= line.connection_count


def test_run_survives_all_of_them(load, disturb, monkeypatch):
    """Every passing fault in one run, and the run ends right."""
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", SHORT)
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "20")
    disturb(pass_on, *PASSING.values())

    run = load()

    assert is_right(run)
    assert len(PASSING) <= run.retries


@pytest.mark.parametrize("fault", [drip, drip_head])
def test_dripping_server_is_cut_off(get, disturb, sandbox, monkeypatch, fault):
    """Over TLS too: bytes that come in time each, but not in whole, are waited for so long."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.certificate))
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", SHORT)
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    disturb(fault, tls=(sandbox.certificate, sandbox.certificate.with_name("key.pem")))

    with pytest.raises(ServerFailed, match=f"not complete within {SHORT} s"):
        get()


def test_server_that_never_gets_better(sandbox, referrals, warehouse):
    """500 for ever: exit code 1, and the data is as it was."""
    sandbox.behaviour.on_request = lambda _: api_error(500, "no")

    code, _, told = referrals("load", "--warehouse", warehouse)

    assert 1 == code
    assert "What the warehouse holds is kept" in told


# Ids


@pytest.mark.parametrize(
    ("fault", "id_count"),
    [(fall_silent, 1), (drip, 1), (reset, 1), (PASSING["500"], 2), (PASSING["html"], 2)],
    ids=["silence", "drip", "reset", "500", "html"],
)
def test_request_id_is_kept_until_an_answer(get, disturb, sandbox, monkeypatch, fault, id_count):
    """The same MS-RequestId goes out again after a time-out, another one after any answer."""
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", SHORT)
    disturb(fault)

    get()

    first, second = sandbox.requests[:2]
    assert id_count == len({each.headers["ms-requestid"] for each in (first, second)})
    assert first.headers["ms-correlationid"] != second.headers["ms-correlationid"]


@pytest.mark.parametrize("fault", [hang_up, fall_silent, drip, PASSING["html"], PASSING["500"]])
def test_failure_names_the_last_call(get, disturb, sandbox, monkeypatch, fault):
    """Also where no answer came at all."""
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", SHORT)
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    disturb(fault)

    with pytest.raises(ServerFailed) as caught:
        get()

    assert sandbox.requests[-1].headers["ms-correlationid"] in str(caught.value)


# Where the token may not go


@pytest.fixture
def stranger():
    """Another server, which must not hear of us."""
    with Sandbox([]) as other:
        yield other
        assert [] == other.requests


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(sandbox, load, stranger, status):
    """A run that is sent elsewhere ends, and nobody there hears of it."""
    sandbox.behaviour.on_request = lambda request: RedirectResponse(
        f"{stranger.base_url}{request.path}", status
    )

    with pytest.raises(ServerFailed, match="redirects to"):
        load()


@pytest.mark.parametrize("target", ["http://[", "http://x:99999999/", "\xff", "//", "mailto:x"])
def test_redirect_to_nonsense_is_told(sandbox, get, target):
    """Whatever the address looks like."""
    answer = PlainTextResponse("", 302)
    answer.raw_headers.append((b"location", target.encode("latin-1")))
    sandbox.behaviour.on_request = lambda _: answer

    with pytest.raises(ServerFailed, match="redirects to"):
        get()


@pytest.mark.parametrize("link", ["{stranger}/next", "//{host}/next", "{ours}@{host}/", "http://["])
def test_next_link_to_another_host_is_not_followed(sandbox, load, stranger, link):
    """A run that is sent elsewhere for its next page ends, and nobody there hears of it."""
    host = stranger.base_url.removeprefix("http://")
    target = link.format(stranger=stranger.base_url, host=host, ours=sandbox.base_url)
    body = {"Value": [referral("r000")], "totalCount": 2, "@nextLink": target}
    sandbox.behaviour.on_request = lambda _: JSONResponse(body)

    with pytest.raises(ServerFailed, match="another host"):
        load()

    assert 1 == len(sandbox.requests)


def test_loopback_goes_through_no_proxy(get, disturb, sandbox, set_option, monkeypatch):
    """What is not encrypted does not leave this machine."""
    proxy = disturb()
    set_option("BASE_URL", sandbox.base_url)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.base_url)

    assert PAGE_SIZE == get().item_count
    assert 0 == proxy.connection_count


@pytest.mark.parametrize("url", ["http://partner.example", "http://127.0.0.1.example", "ftp://x"])
def test_address_without_tls_is_refused(sandbox, referrals, set_option, warehouse, url):
    """Exit code 2, before anything is sent."""
    set_option("BASE_URL", url)

    code, _, told = referrals("load", "--warehouse", warehouse)

    assert 2 == code
    assert "https" in told


# Certificates


def test_bad_certificate_is_refused_at_once(disturb, sandbox, load):
    """One handshake, nothing sent, and a sentence that names the certificate."""
    line = disturb(tls=(sandbox.certificate, sandbox.certificate.with_name("key.pem")))

    with pytest.raises(ServerFailed, match=r"certificate of localhost:\d+ .*self.signed"):
        load()

    assert 1 == line.connection_count
    assert [] == sandbox.requests


def test_missing_bundle_of_certificates_is_told(disturb, sandbox, load, monkeypatch):
    """REQUESTS_CA_BUNDLE that leads nowhere is the configuration's fault."""
    disturb(tls=(sandbox.certificate, sandbox.certificate.with_name("key.pem")))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "nowhere.pem")

    with pytest.raises(UsageError, match=r"nowhere\.pem"):
        load()


# Ctrl-C


def interrupt_soon():
    """Ctrl-C, when what happens now has had its effect."""
    main = threading.main_thread().ident
    threading.Timer(0.3, signal.pthread_kill, [main, signal.SIGINT]).start()


@pytest.fixture
def patience(monkeypatch):
    """Nothing but Ctrl-C ends a wait in this test; pytest-timeout would."""
    monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "600")
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "600")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_RETRY_DELAY", "600")
    # Whoever starts the tests in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("answered", "silent"), [(0, 1), (1, 4)], ids=["first page", "workers"])
def test_interrupt_ends_requests_under_way(load, disturb, patience, answered, silent):
    """A server that is silent for ever does not hold a run that the user has given up."""
    under_way = []

    def keep_waiting(connection, answer):
        under_way.append(connection)
        if len(under_way) == silent:
            interrupt_soon()
        fall_silent(connection, answer)

    disturb(*[pass_on] * answered, *[keep_waiting] * silent)

    with pytest.raises(KeyboardInterrupt):
        load()


@pytest.mark.parametrize("answer", [throttled(600), api_error(500, "no")], ids=["429", "500"])
@pytest.mark.parametrize("answered", [0, 1], ids=["first page", "workers"])
def test_interrupt_ends_waiting(sandbox, load, patience, answer, answered):
    """Neither a pause that the server asked for nor one between attempts is sat out."""
    waiting = []

    def keep_waiting(request):
        if skipped(request) < answered * PAGE_SIZE:
            return None
        waiting.append(request)
        if len(waiting) == 1:
            interrupt_soon()
        return answer

    sandbox.behaviour.on_request = keep_waiting

    with pytest.raises(KeyboardInterrupt):
        load()
