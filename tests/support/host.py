"""What a host agent meets on its computer: instance metadata, ECS's agent, and workers' files."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Imds:
    """Instance metadata, version 2 only: nothing is answered without a token that it gave.

    ``values`` maps paths below ``/latest/meta-data/`` to texts; any other path is 404.
    """

    def __init__(self, **values: str) -> None:
        self.values = values
        self.tokens: set[str] = set()
        self.refused = 0

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, str]:
        if method == "PUT" and path == "/latest/api/token":
            assert int(headers["X-aws-ec2-metadata-token-ttl-seconds"]) <= 21_600
            token = secrets.token_urlsafe(16)
            self.tokens.add(token)
            return 200, token
        if headers.get("X-aws-ec2-metadata-token") not in self.tokens:
            self.refused += 1
            return 401, ""
        value = self.values.get(path.removeprefix("/latest/meta-data/"))
        return (200, value) if value is not None else (404, "")


class EcsAgent:
    """The endpoint by which a task protects itself; ``failure`` is the reason of a refusal."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.failure = ""

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, str]:
        assert (method, path) == ("PUT", "/api/task/task-protection/v1/state")
        wanted = json.loads(body)
        self.asked.append(wanted)
        if self.failure:
            failure = {"Arn": "arn:aws:ecs:task", "Reason": self.failure}
            return 200, json.dumps({"failure": failure})
        return 200, json.dumps({"protection": {"TaskArn": "arn:aws:ecs:task", **wanted}})


@contextmanager
def serving(double: Imds | EcsAgent) -> Iterator[str]:
    """The address of *double* on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._do("PUT")

        def do_GET(self) -> None:
            self._do("GET")

        def _do(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, text = double.answer(method, self.path, self.headers, body)
            payload = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def write_health(folder: Path, *, held: int = 0, taken: int = 0) -> None:
    """What a worker that consumes the queue ``video`` says now; good for 15 s."""
    now = time.monotonic()
    state = {
        "pid": 2**22 - 1,
        "written": now,
        "held": held,
        "running": held,
        "taken": taken,
        "full": bool(held),
        "queues": {"video": now},
    }
    fresh = folder / ".fresh"
    fresh.write_text(json.dumps(state))
    fresh.replace(folder / "academy-worker-video.json")
