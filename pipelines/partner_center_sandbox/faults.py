"""Makes the error answers of Partner Center: for the stand-in itself, and for hooks in tests."""

import socket
import struct

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send


class Refused(Exception):
    """The request is answered with an error status; the message is its description.

    `code` is the number that Partner Center gives such errors, where it is not the status.
    """

    def __init__(self, status: int, description: str, code: int | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.code = code


def api_error(status: int, description: str, code: int | None = None) -> Response:
    """An error of the analytics API; `code` is the status unless it has a number of its own."""
    body = {"code": code or status, "description": description, "data": [], "source": "sandbox"}
    return JSONResponse(body, status)


def engagements_error(status: int, message: str, code: str | None = None) -> Response:
    """An error of the engagements API; `code` is the status unless it has one of its own."""
    error = {"code": code or str(status), "message": message, "target": None, "innerError": None}
    return JSONResponse({"error": error}, status)


def throttled(retry_after: int | str) -> Response:
    """A 429 as the gateway sends it; `retry_after` is in seconds, or an HTTP date."""
    when = f"in {retry_after} seconds" if isinstance(retry_after, int) else f"at {retry_after}"
    body = {"statusCode": 429, "message": f"Rate limit is exceeded. Try again {when}."}
    return JSONResponse(body, 429, {"Retry-After": str(retry_after)})


def sign_in_error(error: str, number: int, description: str, status: int = 400) -> Response:
    """An error in the identity platform's shape, such as `invalid_grant` with number 50076."""
    body = {
        "error": error,
        "error_description": f"AADSTS{number}: {description}",
        "error_codes": [number],
    }
    return JSONResponse(body, 401 if error == "invalid_client" else status)


class Reset(Response):
    """Resets the connection in place of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI cannot reset; `send` is a method of uvicorn's request, which has the transport.
        transport = send.__self__.transport  # type: ignore[attr-defined]
        # Closing without lingering sends RST in place of FIN.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
