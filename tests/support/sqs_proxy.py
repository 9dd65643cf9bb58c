"""A fault-injecting reverse proxy in front of an SQS endpoint.

    with SqsProxy("http://127.0.0.1:4566") as proxy:
        proxy.fault("ReceiveMessage", status=503)              # the next one fails
        proxy.fault("DeleteMessageBatch", status=403, code="AccessDenied", times=None)
        proxy.fault("SendMessageBatch", fail_entries={1: "InternalError"})
        proxy.down()
        assert proxy.counts["ReceiveMessage"] > 3

Point clients at ``proxy.url``. SQS's JSON protocol only: the action is a header.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass
class Fault:
    """What happens to the next *times* requests of *action* (None: to all of them).

    ``queue`` limits it to queue URLs that end so. ``status`` answers without asking SQS; ``body``
    is then the answer. ``delay`` waits before anything else; ``hang`` waits and answers nothing.
    ``drop`` closes the connection unasked; ``lose_answer`` asks SQS and closes it then;
    ``duplicate`` asks SQS twice. ``fail_entries`` takes entries (by index) out of a batch request
    and reports them as failed with that code.
    """

    action: str
    times: int | None = 1
    queue: str = ""
    status: int | None = None
    code: str = "InternalError"
    body: bytes | None = None
    delay: float = 0
    hang: float = 0
    drop: bool = False
    lose_answer: bool = False
    duplicate: bool = False
    fail_entries: dict[int, str] | None = None
    decide: Callable[[dict[str, Any]], bool] = lambda _request: True


class SqsProxy:
    """The proxy; every method may be called while requests are under way."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.counts: Counter[str] = Counter()
        self.counts_of_queue: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._down = False
        self._open: set[socket.socket] = set()
        self._ended = threading.Event()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._close_connections()

    def fault(self, action: str, **what: Any) -> Fault:
        """Add a fault; faults of one action are used up in the order they were added."""
        fault = Fault(action, **what)
        with self._lock:
            self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Forget every fault, and be reachable."""
        with self._lock:
            self._faults.clear()
            self._down = False

    def down(self) -> None:
        """Break every connection, and each new one at once."""
        self._down = True
        self._close_connections()

    def up(self) -> None:
        """Be reachable again."""
        self._down = False

    def _close_connections(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _take(self, action: str, request: dict[str, Any]) -> Fault | None:
        """Count a request and use up the fault that meets it."""
        queue = str(request.get("QueueUrl") or request.get("QueueName") or "")
        with self._lock:
            self.counts[action] += 1
            self.counts_of_queue[action, queue.rpartition("/")[2]] += 1
            for fault in self._faults:
                if fault.action in (action, "*") and queue.endswith(fault.queue):
                    if not fault.decide(request):
                        continue
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    proxy: SqsProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        if self.proxy._down:
            return
        with self.proxy._lock:
            self.proxy._open.add(self.connection)
        try:
            with contextlib.suppress(ConnectionError, http.client.HTTPException, OSError):
                super().handle()
        finally:
            with self.proxy._lock:
                self.proxy._open.discard(self.connection)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        action = (self.headers.get("X-Amz-Target") or "?").rpartition(".")[2]
        request = json.loads(body or b"{}")
        fault = self.proxy._take(action, request)
        if self.proxy._down:
            self.close_connection = True
        elif fault is None:
            self._reply(*self._ask(body))
        else:
            self._meet(fault, request, body)

    def _meet(self, fault: Fault, request: dict[str, Any], body: bytes) -> None:
        if fault.delay or fault.hang:
            self.proxy._ended.wait(fault.delay or fault.hang)
        if fault.hang or fault.drop:
            self.close_connection = True
        elif fault.status is not None:
            error = json.dumps({"__type": f"com.amazonaws.sqs#{fault.code}", "message": "fault"})
            self._reply(fault.status, error.encode() if fault.body is None else fault.body)
        elif fault.fail_entries is not None:
            self._reply(200, self._without_entries(request, fault.fail_entries))
        else:
            if fault.duplicate:
                self._ask(body)
            answer = self._ask(body)
            if fault.lose_answer:
                self.close_connection = True
            else:
                self._reply(*answer)

    def _without_entries(self, request: dict[str, Any], failing: dict[int, str]) -> bytes:
        entries = request["Entries"]
        passing = [entry for index, entry in enumerate(entries) if index not in failing]
        answer: dict[str, Any] = {}
        if passing:
            answer = json.loads(self._ask(json.dumps({**request, "Entries": passing}).encode())[1])
        answer["Failed"] = [
            *(answer.get("Failed") or []),
            *(
                {"Id": entries[index]["Id"], "Code": code, "SenderFault": False, "Message": "fault"}
                for index, code in failing.items()
                if index < len(entries)
            ),
        ]
        return json.dumps(answer).encode()

    def _ask(self, body: bytes) -> tuple[int, bytes, str]:
        upstream = http.client.HTTPConnection(*self.proxy.upstream, timeout=60)
        try:
            headers = {
                key: value
                for key, value in self.headers.items()
                if key.lower() not in ("host", "connection", "content-length", "accept-encoding")
            }
            upstream.request("POST", self.path, body=body, headers=headers)
            answer = upstream.getresponse()
            return answer.status, answer.read(), answer.getheader("x-amzn-query-error") or ""
        finally:
            upstream.close()

    def _reply(self, status: int, body: bytes, query_error: str = "") -> None:
        self.send_response(status)
        if query_error:
            self.send_header("x-amzn-query-error", query_error)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


def wait_until(condition: Callable[[], Any], timeout: float, what: str = "") -> Any:
    """The condition's value once it is true; AssertionError after *timeout* seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        time.sleep(0.03)
    return value
