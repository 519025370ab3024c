"""Receives the answer of a browser sign-in on a loopback address of this machine."""

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

from partner_center.errors import SignInRequired, UsageError

# A person has to find the page, pass multi-factor authentication and perhaps consent.
SIGN_IN_SECONDS = 900.0
# Redirects go here where the answer is pasted; nothing has to listen.
PASTE_ADDRESS = "http://localhost"


class LoopbackListener(HTTPServer):
    """A web server for one answer: the redirect that carries the given `state`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RedirectHandler)
        self.address = f"http://localhost:{self.server_port}"
        self.state = ""
        self.answer: dict[str, str] = {}
        # How often the deadline is looked at.
        self.timeout = 1

    def wait(self, state: str, seconds: float = SIGN_IN_SECONDS) -> dict[str, str]:
        """The parameters of the redirect with `state`; SignInRequired if none comes in time."""
        self.state = state
        deadline = time.monotonic() + seconds
        while not self.answer:
            if time.monotonic() > deadline:
                raise SignInRequired(
                    f"Nobody signed in within {seconds / 60:.0f} minutes. The warehouse is as it "
                    "was. Run 'referrals login' again."
                )
            self.handle_request()
        return self.answer


def read_pasted_answer(text: str) -> dict[str, str]:
    """The parameters of a pasted redirect address; UsageError if it carries no answer."""
    answer = dict(parse_qsl(urlsplit(text.strip()).query))
    if not answer.keys() & {"code", "error"}:
        raise UsageError(
            "What was pasted is not the address that the browser ended at. It begins with "
            f"{PASTE_ADDRESS} and contains 'code='. Nothing was kept; run 'referrals login "
            "--no-browser' again and paste the whole address."
        )
    return answer


class _RedirectHandler(BaseHTTPRequestHandler):
    """Takes the redirect of the browser and says that the page can be closed."""

    server: LoopbackListener
    # A browser may connect in advance and send nothing.
    timeout = 5

    def do_GET(self) -> None:
        answer = dict(parse_qsl(urlsplit(self.path).query))
        is_ours = bool(self.server.state) and answer.get("state") == self.server.state
        if is_ours:
            self.server.answer = answer
        said = "Back to the terminal. You may close this page." if is_ours else "Not found."
        body = said.encode()
        self.send_response(200 if is_ours else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the address carries the authorization code."""
