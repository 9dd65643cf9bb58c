"""A double of a messaging provider on 127.0.0.1, in the process of the test.

It counts what reached it and does not deduplicate, so that a second send shows. Its faults are
drawn from a seed: an error before it acts, and an answer that is lost after it acted.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Send = tuple[str, str, str]
"""Tenant, key (the occurrence) and recipient."""


@dataclass
class Faults:
    """Rates from 0 to 1; ``refuse`` names recipients that are turned away for good."""

    error_rate: float = 0.0
    lost_answer_rate: float = 0.0
    refuse: frozenset[str] = frozenset()


class Provider:
    """What the provider knows; safe to read while it serves."""

    def __init__(self, faults: Faults | None = None, seed: int = 0) -> None:
        self.faults = faults or Faults()
        self.url = ""
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._sends: Counter[Send] = Counter()
        self._answers: dict[str, dict[str, Any]] = {}

    def sends(self) -> Counter[Send]:
        """How often each message really went out."""
        with self._lock:
            return Counter(self._sends)

    def take(self, body: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        """Handle a send: HTTP status and body; no body means that the answer is lost."""
        with self._lock:
            if self._random.random() < self.faults.error_rate:
                return 503, {}
            accepted = body["recipient"] not in self.faults.refuse
            if accepted:
                self._sends[body["tenant"], body["key"], body["recipient"]] += 1
            answer = {"accepted": accepted, "reference": f"test-{len(self._answers) + 1}"}
            self._answers[body["effect"]] = answer
            lost = self._random.random() < self.faults.lost_answer_rate
            return 200, None if lost else answer

    def find(self, effect: str) -> tuple[int, dict[str, Any] | None]:
        """Handle a question about an effect."""
        with self._lock:
            answer = self._answers.get(effect)
            return (404, {}) if answer is None else (200, answer)


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """Serve on a free port while the block runs; ``provider.url`` names it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._answer(*provider.take(json.loads(self.rfile.read(length))))

        def do_GET(self) -> None:
            self._answer(*provider.find(self.path.rpartition("/")[2]))

        def _answer(self, status: int, body: dict[str, Any] | None) -> None:
            if body is None:
                self.close_connection = True
                return
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """A line for each send would drown the test's own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
