"""An OTLP/HTTP collector on this machine: it reads the protobuf that a real one would."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.support.processes import eventually

_KINDS = {
    SpanMessage.SPAN_KIND_INTERNAL: "internal",
    SpanMessage.SPAN_KIND_SERVER: "server",
    SpanMessage.SPAN_KIND_PRODUCER: "producer",
    SpanMessage.SPAN_KIND_CONSUMER: "consumer",
}


@dataclass(frozen=True)
class SeenSpan:
    """One span as it arrived; times in nanoseconds since 1970."""

    service: str
    release: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    started: int
    ended: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: list[str]
    failed: bool
    failure: str


@dataclass
class Collector:
    """``url`` is what a process is given; ``mode``: take, refuse (503) or hang."""

    url: str = ""
    mode: str = "take"
    requests: int = 0
    raw: list[bytes] = field(default_factory=list)
    _spans: list[SeenSpan] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def traces_url(self) -> str:
        return f"{self.url}/v1/traces"

    def spans(self, name: str | None = None) -> list[SeenSpan]:
        """All spans, or those of a name (or of its first word)."""
        with self._lock:
            seen = list(self._spans)
        return [span for span in seen if name in (None, span.name, span.name.split(" ")[0])]

    def wait_for(self, name: str, count: int = 1, seconds: float = 30.0) -> list[SeenSpan]:
        """Wait for so many spans of that name."""

        def arrived() -> list[SeenSpan]:
            found = self.spans(name)
            return found if len(found) >= count else []

        found: list[SeenSpan] = eventually(
            arrived, seconds, lambda: f"{count} x {name}; seen {[s.name for s in self.spans()]}"
        )
        return found

    def receive(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        seen = [
            _seen(span, _attributes(group.resource.attributes))
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self.raw.append(body)
            self._spans += seen


def _seen(span: SpanMessage, resource: dict[str, Any]) -> SeenSpan:
    return SeenSpan(
        service=resource["service.name"],
        release=resource["service.version"],
        name=span.name,
        kind=_KINDS.get(span.kind, "unspecified"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        started=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=[(event.name, _attributes(event.attributes)) for event in span.events],
        links=[link.span_id.hex() for link in span.links],
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        failure=span.status.message,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    name = value.WhichOneof("value")
    return getattr(value, name) if name else None


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            assert self.headers["Content-Type"] == "application/x-protobuf"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.requests += 1
            if collector.mode == "hang":
                collector.released.wait(60)
                self.close_connection = True
                return
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if collector.mode == "take":
                collector.receive(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if collector.mode == "take" else 503)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
