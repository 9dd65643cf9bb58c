"""What a collector gets from a process that traces: spans, and never anybody's data."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from academy.core import tracing
from academy.core.errors import AppError
from tests.support.collector import Collector, collecting

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PHONE = "010-4821-7730"
SLOW = 2.0
"""Seconds that no caller may wait for a collector, with room for a busy machine."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture
def traced() -> Iterator[Callable[[str], None]]:
    """Switch tracing on, with the endpoint; it is off again afterwards."""
    try:
        yield lambda endpoint: tracing.configure("academy-test", endpoint)
    finally:
        tracing.shutdown(0.1)
        tracing.configure("academy-test", None)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")


@pytest.fixture(scope="module", autouse=True)
def _nothing_goes_on() -> Iterator[None]:
    """Leave no thread behind: their waits draw random numbers, which property tests notice."""
    yield
    until = time.monotonic() + 60
    for thread in threading.enumerate():
        if thread.name in {"OtelBatchSpanRecordProcessor", "traces-shutdown"}:
            thread.join(max(0.0, until - time.monotonic()))
            assert not thread.is_alive(), f"{thread.name} goes on"


def test_spans_arrive_with_their_service_parents_links_and_attributes(collector, traced):
    traced(collector.traces_url)
    remote, other = f"00-{TRACE}-{SPAN}-01", f"00-{'b' * 32}-{'c' * 16}-01"
    with tracing.span("outer", {"academy.jobs": 2}, kind="server", parent=remote, links=[other]):
        assert tracing.trace_id() == TRACE
        stored = tracing.traceparent()
        with tracing.span("inner") as inner:
            inner.event("step", {"academy.percent": 40.0})
    (outer,), (within,) = collector.wait_for("outer"), collector.wait_for("inner")
    assert (outer.service, outer.kind, outer.trace, outer.parent) == (
        "academy-test", "server", TRACE, SPAN,
    )  # fmt: skip
    assert outer.attributes == {"academy.jobs": 2}
    assert outer.links == ["c" * 16]
    assert stored == f"00-{TRACE}-{outer.id}-01"
    assert (within.trace, within.parent) == (TRACE, outer.id)
    assert within.events == [("step", {"academy.percent": 40.0})]
    assert outer.started <= within.started <= within.ended <= outer.ended


def test_work_that_is_over_is_recorded_with_its_own_times(collector, traced):
    traced(collector.traces_url)
    started = tracing.now_ns() - 3_000_000_000
    tracing.record(
        "job.publish", {}, parent=f"00-{TRACE}-{SPAN}-01", started_ns=started, error_code="lost"
    )
    (span,) = collector.wait_for("job.publish")
    assert span.parent == SPAN
    assert span.started == started
    assert span.ended - span.started >= 3_000_000_000
    assert (span.failed, span.failure) == (True, "lost")


def test_a_callers_decision_not_to_sample_is_kept_and_passed_on(collector, traced):
    traced(collector.traces_url)
    with tracing.span("unsampled", parent=f"00-{TRACE}-{SPAN}-00"):
        assert tracing.traceparent().startswith(f"00-{TRACE}-")
        assert tracing.traceparent().endswith("-00")
    with tracing.span("sampled"):
        pass
    collector.wait_for("sampled")
    assert not collector.spans("unsampled")


def test_an_error_is_told_by_class_and_code_and_never_by_its_text(collector, traced):
    traced(collector.traces_url)
    with contextlib.suppress(LookupError), tracing.span("by class"):
        raise LookupError(f"no student with {PHONE}")
    with contextlib.suppress(AppError), tracing.span("by code"):
        raise AppError("job_not_found")
    (by_class,) = collector.wait_for("by class")
    (by_code,) = collector.wait_for("by code")
    assert (by_class.failed, by_class.failure) == (True, "LookupError")
    assert by_class.events == [("exception", {"exception.type": "builtins.LookupError"})]
    assert by_code.failure == "job_not_found"


def test_a_phone_number_in_a_name_an_attribute_or_an_event_is_masked(collector, traced):
    traced(collector.traces_url)
    with tracing.span(f"call {PHONE}", {"academy.note": f"parent {PHONE}"}) as span:
        span.set({"academy.more": PHONE})
        span.event(PHONE, {"academy.note": PHONE})
        span.rename(f"called {PHONE}")
    with tracing.span("last"):
        pass
    collector.wait_for("last")
    raw = b"".join(collector.raw)
    assert b"4821" not in raw
    assert b"010-****-****" in raw


@pytest.mark.parametrize("mode", ["hang", "refuse"])
def test_a_collector_that_hangs_or_refuses_delays_nobody(collector, traced, mode):
    collector.mode = mode
    traced(collector.traces_url)
    began = time.monotonic()
    for _ in range(3_000):  # more than fit into the queue: the rest is dropped
        with tracing.span("work"):
            pass
    worked = time.monotonic() - began
    tracing.shutdown(0.5)
    ended = time.monotonic() - began - worked
    assert worked < 3_000 * 0.001 + SLOW
    assert ended < 0.5 + SLOW


def test_a_collector_that_is_away_is_said_once_and_harms_nobody(traced, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    with socket.socket() as closed:  # bound and not listening: connections are refused
        closed.bind(("127.0.0.1", 0))
        traced(f"http://127.0.0.1:{closed.getsockname()[1]}/v1/traces")
        said: list[logging.LogRecord] = []
        listener = logging.Handler()
        listener.emit = said.append  # type: ignore[method-assign]
        logging.getLogger("opentelemetry").addHandler(listener)
        try:
            for _ in range(3):
                with tracing.span("work"):
                    pass
                time.sleep(0.2)
            tracing.shutdown(5)
        finally:
            logging.getLogger("opentelemetry").removeHandler(listener)
    assert len(said) <= 1, [record.getMessage() for record in said]


def test_a_forked_child_sends_its_own_spans_and_none_of_its_parents(collector, traced):
    traced(collector.traces_url)
    with tracing.span("before the fork"):
        pass
    child = os.fork()
    if child == 0:
        _in_child()
    with tracing.span("of the parent"):
        pass
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    (of_the_child,) = collector.wait_for("of the child")
    (of_the_parent,) = collector.wait_for("of the parent")
    assert of_the_child.trace != of_the_parent.trace
    tracing.shutdown()
    assert len(collector.spans("before the fork")) == 1


def _in_child() -> Any:
    """Trace, flush as a pool process does, and end without Python's own hooks."""
    status = 1
    try:
        with tracing.span("of the child"):
            pass
        tracing.shutdown()
        status = 0
    finally:
        os._exit(status)


def test_tracing_goes_on_after_a_shutdown(collector, traced):
    traced(collector.traces_url)
    for name in ("first", "second"):
        with tracing.span(name):
            pass
        tracing.shutdown()
    assert [span.name for span in collector.spans()] == ["first", "second"]
