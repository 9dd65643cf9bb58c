"""A double of an OpenAI-compatible service on 127.0.0.1: real HTTP, and every way to misbehave.

It answers what a test plans, in order, and then the last of it for ever. It counts what reached it
and what it would charge for, so that a test can hold the ledger against it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from academy.settings.language import Chat, LanguageEnvironment, Service, Speech

KEY = "canary-key-4f1d9a7be2"
MODEL = "double-1"
USAGE = {"prompt_tokens": 120, "completion_tokens": 200, "total_tokens": 320}
ENORMOUS = 40 << 20
_STALL_SECONDS = 120.0


@dataclass(frozen=True)
class Plan:
    """One answer. ``content`` is what the model says: JSON is made of what is no text."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    usage: Any = field(default_factory=lambda: dict(USAGE))
    finish: str = "stop"
    refusal: str | None = None
    body: bytes | None = None
    """The whole body, instead of a well-formed one."""
    fault: str | None = None
    """``drop`` (after accepting), ``stall``, ``trickle``, ``cut`` (half a body), ``enormous``."""


@dataclass(frozen=True)
class Asked:
    """One request as it came in; ``fields`` of JSON or of a form, ``file`` the bytes of one."""

    path: str
    headers: dict[str, str]
    fields: dict[str, Any]
    file: bytes = b""
    file_name: str = ""

    @property
    def text(self) -> str:
        """All messages of a chat request."""
        return "\n".join(message["content"] for message in self.fields["messages"])


Answering = Callable[[Asked], Plan]


class LanguageDouble:
    """Use with `serving`; plans may be changed while it serves."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.charged = 0
        """Requests for which a provider would take money: it has worked, whoever got the answer."""
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._answering: Answering = lambda asked: Plan(status=500)

    def answers(self, *plans: Plan | Answering) -> None:
        """Answer these, one after the other; the last one for ever."""
        left = list(plans)

        def answering(asked: Asked) -> Plan:
            plan = left.pop(0) if len(left) > 1 else left[0]
            return plan if isinstance(plan, Plan) else plan(asked)

        self._answering = answering

    def take(self, asked: Asked) -> Plan:
        with self._lock:
            self.asked.append(asked)
            plan = self._answering(asked)
            self.charged += plan.status == 200
            return plan

    # ------------------------------------------------------------------ what tests configure

    def chat(self, *, input_price: str = "1", output_price: str = "2", key: str = KEY) -> Chat:
        return Chat(
            Service(f"{self.url}/v1", MODEL, key), Decimal(input_price), Decimal(output_price)
        )

    def speech(self, *, minute_price: str = "6") -> Speech:
        return Speech(Service(f"{self.url}/v1", MODEL, KEY), Decimal(minute_price))

    def language(self, **changes: Any) -> LanguageEnvironment:
        """Both services, and budgets that nothing reaches."""
        values: dict[str, Any] = {
            "chat": self.chat(), "speech": self.speech(), "currency": "KRW",
            "tenant_budget": Decimal(1000), "platform_budget": Decimal(1_000_000),
        }  # fmt: skip
        return LanguageEnvironment(**values | changes)

    def environ(self, **changes: str) -> dict[str, str]:
        """The same for a process of its own."""
        return {
            "LLM_BASE_URL": f"{self.url}/v1", "LLM_MODEL": MODEL, "LLM_API_KEY": KEY,
            "LLM_INPUT_PRICE": "1", "LLM_OUTPUT_PRICE": "2",
            "SPEECH_BASE_URL": f"{self.url}/v1", "SPEECH_MODEL": MODEL, "SPEECH_API_KEY": KEY,
            "SPEECH_MINUTE_PRICE": "6", "LANGUAGE_TENANT_BUDGET": "1000",
            "LANGUAGE_PLATFORM_BUDGET": "1000000",
        } | changes  # fmt: skip


def chat_body(plan: Plan) -> bytes:
    """The body of ``/chat/completions``."""
    content = plan.content if isinstance(plan.content, str) else json.dumps(plan.content)
    message = {"role": "assistant", "content": content, "refusal": plan.refusal}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": f"{MODEL}-2026",
            "choices": [{"index": 0, "message": message, "finish_reason": plan.finish}],
            **({} if plan.usage is None else {"usage": plan.usage}),
        }
    ).encode()


def speech_body(plan: Plan) -> bytes:
    """The body of ``/audio/transcriptions``; ``content`` is a list of segments."""
    segments: Sequence[dict[str, Any]] = plan.content or []
    return json.dumps(
        {
            "task": "transcribe",
            "language": "korean",
            "duration": 0.0,
            "text": " ".join(str(one.get("text")) for one in segments),
            "segments": segments,
        }
    ).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, double: LanguageDouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.double = double


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = self._chunks()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = _asked(self.path, dict(self.headers.items()), data)
        plan = self.server.double.take(asked)
        body = plan.body
        if body is None:
            body = (chat_body if asked.path.endswith("/completions") else speech_body)(plan)
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            self._answer(plan, body)

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _answer(self, plan: Plan, body: bytes) -> None:
        double = self.server.double
        if plan.fault == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if plan.fault == "stall":
            double.released.wait(_STALL_SECONDS)
            return
        self.send_response(plan.status)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(ENORMOUS if plan.fault == "enormous" else len(body)),
            "X-Request-Id": f"req-{len(double.asked)}",
        }
        for name, value in (headers | plan.headers).items():
            self.send_header(name, value)
        self.end_headers()
        for piece in _pieces(plan.fault, body):
            self.wfile.write(piece)
            if plan.fault == "trickle" and double.released.wait(0.1):
                return

    def log_message(self, *args: Any) -> None:
        """A line for each request would drown the test's own output."""


def _pieces(fault: str | None, body: bytes) -> Iterator[bytes]:
    match fault:
        case "cut":
            yield body[: len(body) // 2]
        case "enormous":
            yield from itertools.repeat(b" " * (1 << 16), ENORMOUS >> 16)
        case "trickle":
            yield from (bytes([one]) for one in body)
        case _:
            yield body


@contextmanager
def serving(double: LanguageDouble) -> Iterator[LanguageDouble]:
    """Serve on a free port while the block runs; ``double.url`` names it."""
    server = _Server(double)
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        double.released.set()
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()


def _asked(path: str, headers: dict[str, str], data: bytes) -> Asked:
    kind = headers.get("Content-Type", "")
    if kind == "application/json":
        return Asked(path, headers, json.loads(data))
    mail = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + data)
    fields: dict[str, Any] = {}
    file, name = b"", ""
    for part in mail.iter_parts():
        field_name = part.get_param("name", header="content-disposition")
        if part.get_filename():
            file, name = part.get_payload(decode=True), part.get_filename() or ""
        else:
            fields[str(field_name)] = part.get_content().strip()
    return Asked(path, headers, fields, file, name)
