"""OpenTelemetry behind `academy.core.tracing`; imported only where tracing is on.

The exporter of a process is made with its first span. Whatever forks (gunicorn's master, Celery's
parent) has none, and a child that finds one anyway leaves it to its parent: no queue, thread or
connection is shared. Spans wait in memory for a thread that sends them in batches; where the
collector is slow or away they are dropped, and nobody waits.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace import Span as OtelSpan

from academy.core import clock
from academy.core.masking import mask
from academy.core.tracing import Attributes, Kind, Span

_CODE: Final = re.compile(r"[a-z][a-z0-9_.]{0,63}")
SCOPE: Final = "academy"
COMPLAINT_SECONDS: Final = 60.0
"""A collector that is away is said once in this time."""


class Recorder:
    """Sends this process's spans to ``endpoint`` under the name ``service``."""

    def __init__(self, service: str, endpoint: str, *, release: str) -> None:
        self.service = service
        self._release = release
        self._endpoint = endpoint
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        self._lock = threading.Lock()
        _complain_seldom()
        # What is slow about making one is done here, before anything forks and anybody waits.
        OTLPSpanExporter(endpoint=endpoint)
        Resource.create()

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        attributes: Attributes,
        *,
        kind: Kind,
        parent: str,
        links: Sequence[str],
        started_ns: int | None,
    ) -> Iterator[Span]:
        """See `academy.core.tracing.span`; the traceparents are sound or empty."""
        inner = self._start(
            name, attributes, kind=kind, parent=parent, links=links, started_ns=started_ns
        )
        recorded = RecordedSpan(inner)
        with use_span(
            inner, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            try:
                yield recorded
            except BaseException as error:
                recorded.fail(_code_of(error), error)
                raise

    def record(
        self,
        name: str,
        attributes: Attributes,
        *,
        kind: Kind,
        parent: str,
        started_ns: int,
        error_code: str,
    ) -> None:
        """See `academy.core.tracing.record`."""
        inner = self._start(
            name, attributes, kind=kind, parent=parent, links=(), started_ns=started_ns
        )
        if error_code:
            RecordedSpan(inner).fail(error_code)
        inner.end()

    def traceparent(self) -> str:
        """The current span's; "" where there is none."""
        context = get_current_span().get_span_context()
        if not context.is_valid:
            return ""
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def shutdown(self, seconds: float) -> None:
        """Send what is left, in at most so many seconds."""
        with self._lock:
            provider = self._provider
            self._provider = self._tracer = None
        if provider is None:
            return
        # OpenTelemetry's own bound is half a minute, so somebody else waits for it.
        ending = threading.Thread(target=provider.shutdown, name="traces-shutdown", daemon=True)
        ending.start()
        ending.join(seconds)

    def forget_parent(self) -> None:
        """In a child: what the parent had is the parent's, and its locks may be held for ever."""
        self._lock = threading.Lock()
        self._provider = self._tracer = None

    def _start(
        self,
        name: str,
        attributes: Attributes,
        *,
        kind: Kind,
        parent: str,
        links: Sequence[str],
        started_ns: int | None,
    ) -> OtelSpan:
        return self._running().start_span(
            mask(name),
            context=_context_of(parent),
            kind=SpanKind[kind.upper()],
            attributes=_clean(attributes),
            links=[Link(_remote(link)) for link in links],
            start_time=started_ns,
        )

    def _running(self) -> Tracer:
        tracer = self._tracer
        if tracer is None:
            with self._lock:
                if self._tracer is None:
                    self._provider = self._make()
                    self._tracer = self._provider.get_tracer(SCOPE)
                tracer = self._tracer
        return tracer

    def _make(self) -> TracerProvider:
        names = {
            "service.name": self.service,
            "service.namespace": "academy",
            "service.version": self._release,
        }
        # Ended by `shutdown`, within a bound, and not by OpenTelemetry's own hook.
        provider = TracerProvider(resource=Resource.create(names), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=self._endpoint)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return provider


class RecordedSpan(Span):
    """A span that is sent."""

    def __init__(self, inner: OtelSpan) -> None:
        self._inner = inner

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._inner.set_attributes(_clean(attributes))

    def rename(self, name: str) -> None:
        """Give it another name."""
        self._inner.update_name(mask(name))

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        """Note that something happened at this moment."""
        self._inner.add_event(mask(name), _clean(attributes or {}))

    def fail(self, code: str, error: BaseException | None = None) -> None:
        """Mark it as failed, by code and class."""
        self._inner.set_status(Status(StatusCode.ERROR, code))
        self._inner.set_attribute("error.type", code)
        if error is not None:
            kind = type(error)
            self._inner.add_event(
                "exception", {"exception.type": f"{kind.__module__}.{kind.__qualname__}"}
            )


def _code_of(error: BaseException) -> str:
    """The code of an error that has a stable one, else its class."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) and _CODE.fullmatch(code) else type(error).__name__


def _clean(attributes: Attributes) -> dict[str, str | int | float | bool]:
    """The attributes, masked as log lines are: a careless caller must not be the leak."""
    return {
        name: mask(value) if isinstance(value, str) else value for name, value in attributes.items()
    }


def _context_of(parent: str) -> Context | None:
    """The remote parent as OpenTelemetry's context; None: whatever is current."""
    return set_span_in_context(NonRecordingSpan(_remote(parent))) if parent else None


def _remote(traceparent: str) -> SpanContext:
    _, trace, span, flags = traceparent.split("-")
    return SpanContext(
        int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )


class _Seldom(logging.Filter):
    """Lets one line through in a while: an absent collector is no news every few seconds."""

    _next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        now = clock.monotonic()
        if now < self._next:
            return False
        self._next = now + COMPLAINT_SECONDS
        return True


_seldom: Final = _Seldom()


def _complain_seldom() -> None:
    for name in (
        "opentelemetry.exporter.otlp.proto.http.trace_exporter",
        "opentelemetry.sdk._shared_internal",
    ):
        logging.getLogger(name).addFilter(_seldom)
