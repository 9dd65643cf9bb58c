"""What the doubles of providers share: scripted faults, and a server on 127.0.0.1."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar

Answer = tuple[int, Any, dict[str, str]] | None
"""Status, JSON body and headers; None: the connection is cut."""


@dataclass
class Fault:
    """What happens at one call. ``status`` 0: the connection is cut without an answer."""

    status: int = 0
    code: str = "InternalError"
    done: bool = False
    """Whether the call has its effect before that."""
    retry_after: int = 0


class Double(Protocol):
    """Anything that answers requests."""

    url: str

    def handle(self, method: str, address: str, headers: Any, raw: bytes) -> Answer: ...


D = TypeVar("D", bound=Double)


@contextmanager
def serving(double: D) -> Iterator[D]:
    """The double on a free port, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            # Who asked may have been killed meanwhile.
            with contextlib.suppress(ConnectionError):
                super().handle()

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = double.handle(self.command, self.path, self.headers, raw)
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            status, body, headers = answer
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json", "Content-Length": str(len(data)), **headers,
            }.items():  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that it calls

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
