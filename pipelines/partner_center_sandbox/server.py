"""Serves one function over HTTP on loopback, in a thread of its own."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qsl

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from partner_center.errors import UsageError
from partner_center_sandbox.behaviour import RecordedRequest

LOOPBACK = "127.0.0.1"

Answer = Callable[[RecordedRequest], Response]


class LoopbackServer:
    """Answers HTTP, or HTTPS where `tls` names a certificate and its key, within a `with` block.

    `port` is known from construction on; `requests` keeps every request that arrived.
    """

    def __init__(self, answer: Answer, port: int = 0, tls: tuple[Path, Path] | None = None) -> None:
        self.requests: list[RecordedRequest] = []
        self._socket = _bound_socket(port)
        self.port: int = self._socket.getsockname()[1]
        certificate, key = tls or (None, None)
        config = uvicorn.Config(
            _application(answer, self.requests),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            # Faults are provoked on purpose here; uvicorn would print each to stderr.
            log_level=logging.CRITICAL,
            access_log=False,
            proxy_headers=False,
            # Without its ticking, uvicorn would tell the time of its start for ever.
            date_header=False,
            timeout_keep_alive=60,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        self._server = _PromptServer(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name=f"sandbox:{self.port}"
        )

    def __enter__(self) -> "LoopbackServer":
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._thread.join()


class _PromptServer(uvicorn.Server):
    """uvicorn without its ticking and its patience: it starts and stops within milliseconds."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self.ready.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        # A client's pool keeps idle connections open; waiting for them would hang the caller.
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)


def _bound_socket(port: int) -> socket.socket:
    # asyncio sends small answers at once only on a socket that says it is TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} of {LOOPBACK} cannot be used ({error.strerror}). "
            "Nothing was started; name another port, or 0 for any free one."
        ) from error
    return listener


def _application(answer: Answer, requests: list[RecordedRequest]) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = (await request.body()).decode(errors="replace")
        recorded = RecordedRequest(
            method=request.method,
            path=request.url.path,
            params=dict(request.query_params) | dict(parse_qsl(body, keep_blank_values=True)),
            headers=dict(request.headers),
        )
        requests.append(recorded)
        # A thread, because a hook may sleep or wait for another request.
        response = await run_in_threadpool(_answer_or_confess, answer, recorded)
        await response(scope, receive, send)

    return application


def _answer_or_confess(answer: Answer, request: RecordedRequest) -> Response:
    """The answer, or a 500 that tells the sandbox's own mistake (a hook's, mostly)."""
    try:
        response = answer(request)
    except Exception as error:  # noqa: BLE001 - a hook may raise anything
        response = JSONResponse(
            {"code": 500, "description": f"The sandbox itself failed: {error!r}"}, 500
        )
    request.status = response.status_code
    return response
