"""Traces: one story from the request through the row and the message to the worker.

W3C trace context in, OpenTelemetry out (`academy.core.otel`). Off unless the environment names a
collector (``OTEL_EXPORTER_OTLP_ENDPOINT``): then nothing of OpenTelemetry is imported and a span
costs one comparison. A trace that a caller began is still carried along, so that log lines can be
joined.

Spans hold ids, names and codes: no parameter, no text of an error, no address with a query.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from academy.core import clock

if TYPE_CHECKING:
    from academy.core.otel import Recorder

Attributes: TypeAlias = Mapping[str, str | int | float | bool]
Kind: TypeAlias = Literal["internal", "server", "producer", "consumer"]

FLUSH_SECONDS: Final = 3.0
"""Longest time that an ending process waits for the collector to take its last spans."""

_HEADER: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KNOWN_FLAGS: Final = 0x03  # sampled, and random trace id

_carried: ContextVar[str] = ContextVar("carried_traceparent", default="")
"""The trace that is carried along while tracing is off."""

_recorder: Recorder | None = None


class Span:
    """A piece of work that is traced. This one says nothing: tracing is off."""

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""

    def rename(self, name: str) -> None:
        """Give it the name that is known only now."""

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        """Note that something happened at this moment; from any thread."""

    def fail(self, code: str, error: BaseException | None = None) -> None:
        """Mark it as failed: by the code, and the class of the error. Never by its text."""


NO_SPAN: Final = Span()
_NOTHING: Final = contextlib.nullcontext(NO_SPAN)


def configure(service: str, endpoint: str | None, *, release: str = "dev") -> None:
    """Say who this process is and where the collector takes spans (None: tracing is off).

    ``endpoint`` is the full address for traces, such as ``http://127.0.0.1:4318/v1/traces``.
    ``release`` is what the process was made from.
    Headers, compression, time-outs, batches and the sampler are OpenTelemetry's own variables.
    """
    global _recorder  # noqa: PLW0603 - one a process, made when Django starts
    shutdown()
    _recorder = None
    if endpoint is not None:
        from academy.core.otel import Recorder  # noqa: PLC0415 - costs nothing where it is off

        _recorder = Recorder(service, endpoint, release=release)


def name_service(service: str) -> None:
    """A more exact name than the one configured; call it before the first span."""
    if _recorder is not None:
        _recorder.service = service


def enabled() -> bool:
    """Whether this process sends spans."""
    return _recorder is not None


def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: Kind = "internal",
    parent: str = "",
    links: Sequence[str] = (),
    started_ns: int | None = None,
) -> AbstractContextManager[Span]:
    """Trace the block; an exception that leaves it marks the span with its class.

    ``parent`` and ``links`` are traceparents; without a usable parent the current span is it.
    ``started_ns``: when the work began, by `now_ns`, where that was before the block.
    """
    if _recorder is None:
        return _carry(parent) if parent else _NOTHING
    return _recorder.span(
        name,
        attributes or {},
        kind=kind,
        parent=parse(parent),
        links=[known for link in links if (known := parse(link))],
        started_ns=started_ns,
    )


@contextlib.contextmanager
def _carry(parent: str) -> Iterator[Span]:
    token = _carried.set(parse(parent) or _carried.get())
    try:
        yield NO_SPAN
    finally:
        _carried.reset(token)


def record(
    name: str,
    attributes: Attributes,
    *,
    kind: Kind = "internal",
    parent: str,
    started_ns: int,
    error_code: str = "",
) -> None:
    """Trace work that is over, where several things were done together."""
    if _recorder is not None:
        _recorder.record(
            name,
            attributes,
            kind=kind,
            parent=parse(parent),
            started_ns=started_ns,
            error_code=error_code,
        )


def parse(header: str) -> str:
    """A ``traceparent`` in its canonical form, or "" where it is none (W3C Trace Context, 3.2)."""
    found = _HEADER.fullmatch(header.strip()) if header else None
    if found is None:
        return ""
    version, trace, parent, flags, more = found.groups()
    unusable = version == "ff" or (version == "00" and more is not None)
    if unusable or trace == "0" * 32 or parent == "0" * 16:
        return ""
    return f"00-{trace}-{parent}-{int(flags, 16) & _KNOWN_FLAGS:02x}"


def traceparent() -> str:
    """The context that further work continues; "" where there is none."""
    return _carried.get() if _recorder is None else parse(_recorder.traceparent())


def trace_id(of: str | None = None) -> str:
    """The trace's id, for log lines; of the current trace unless another traceparent is given."""
    return (traceparent() if of is None else of)[3:35]


def now_ns() -> int:
    """Now, as OpenTelemetry counts time: nanoseconds since 1970."""
    return int(clock.now().timestamp() * 1e9)


def shutdown(seconds: float = FLUSH_SECONDS) -> None:
    """Send what is left, in at most so many seconds; a later span begins anew."""
    if _recorder is not None:
        _recorder.shutdown(seconds)


def _forget_parent() -> None:
    if _recorder is not None:
        _recorder.forget_parent()


os.register_at_fork(after_in_child=_forget_parent)
atexit.register(shutdown)
