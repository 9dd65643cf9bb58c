"""Trace context in and out, and what tracing costs where it is off."""

from __future__ import annotations

import subprocess
import sys
import timeit
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.core import tracing

ROOT = Path(__file__).resolve().parents[2]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KNOWN = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (KNOWN, KNOWN),
        (f"  {KNOWN} ", KNOWN),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        # Flags that this version does not define are not passed on.
        (f"00-{TRACE}-{SPAN}-ff", f"00-{TRACE}-{SPAN}-03"),
        # A later version is read as far as this one goes.
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", KNOWN),
    ],
)
def test_a_trace_context_is_understood(header: str, known: str) -> None:
    assert tracing.parse(header) == known


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"{KNOWN},{KNOWN}",
        f"{KNOWN}\n{KNOWN}",
    ],
)
def test_what_is_no_trace_context_is_none(header: str) -> None:
    assert tracing.parse(header) == ""


@given(st.text(max_size=80))
def test_no_header_raises_and_what_is_kept_fits_the_column(header: str) -> None:
    assert len(tracing.parse(header)) in (0, 55)


def test_while_tracing_is_off_the_callers_trace_is_carried_along() -> None:
    assert not tracing.enabled()
    with tracing.span("job.attempt", parent=KNOWN) as span:
        assert span is tracing.NO_SPAN
        assert tracing.traceparent() == KNOWN
        assert tracing.trace_id() == TRACE
        with tracing.span("inner"):
            assert tracing.traceparent() == KNOWN
    assert tracing.traceparent() == ""
    assert tracing.trace_id() == ""


def test_an_unusable_parent_changes_nothing() -> None:
    with tracing.span("outer", parent=KNOWN), tracing.span("inner", parent="nonsense"):
        assert tracing.traceparent() == KNOWN


def test_a_process_without_a_collector_does_not_even_import_opentelemetry() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'academy.settings.test'\n"
        "import django; django.setup()\n"
        "import academy.jobs.execute, tasks.relay\n"
        "print(sorted(name for name in sys.modules if name.startswith('opentelemetry')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_a_span_costs_next_to_nothing_while_tracing_is_off() -> None:
    def traced() -> None:
        with tracing.span("job.settle"):
            pass

    # The best of several: what other processes of the machine take is not ours. A job has four.
    seconds = min(timeit.repeat(traced, number=2_000, repeat=20)) / 2_000
    assert seconds < 5e-6
