"""A REST client that costs little: plain sockets kept open, a few threads."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SERVER_KEEPS_SECONDS = 30.0
"""Less than what gunicorn keeps an idle connection for."""


@dataclass(frozen=True)
class Load:
    """What a run of requests took: seconds of wall time, and each request's own."""

    seconds: float
    latencies: list[float]
    failures: int


class Client:
    """One connection to the API with one key."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._address = urlsplit(base_url).netloc
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        self._connection = http.client.HTTPConnection(self._address, timeout=30)
        self._used_at = time.monotonic()

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and JSON body."""
        if time.monotonic() - self._used_at > SERVER_KEEPS_SECONDS:
            self._connection.close()
        self._connection.request("POST", path, json.dumps(body), self._headers)
        response = self._connection.getresponse()
        answer = response.status, json.loads(response.read() or b"null")
        self._used_at = time.monotonic()
        return answer


def drive(
    connect: Callable[[], Client], path: str, body: Any, *, requests: int, threads: int
) -> Load:
    """POST the body ``requests`` times over ``threads`` connections."""
    latencies: list[float] = []
    failures = 0
    lock = threading.Lock()
    left = iter(range(requests))

    def work() -> None:
        nonlocal failures
        client = connect()
        while True:
            with lock:
                if next(left, None) is None:
                    return
            asked = time.monotonic()
            status, _ = client.post(path, body)
            took = time.monotonic() - asked
            with lock:
                latencies.append(took)
                failures += status != 202

    began = time.monotonic()
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return Load(time.monotonic() - began, latencies, failures)
