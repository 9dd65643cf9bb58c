"""The allow-list: plain calls of the queue's own task, and nothing else, whatever is sent."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import queues
from tasks.app import app
from tasks.worker.allowlist import RefusedMessageError, check

VIDEO = queues.by_name("video", {})
EMBEDDED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def message(headers: Any, payload: Any = None) -> SimpleNamespace:
    """As much of a kombu message as is looked at."""
    return SimpleNamespace(headers=headers, payload=payload or [[], {"job": "x"}, EMBEDDED])


def headers(**changes: Any) -> dict[str, Any]:
    """Headers of a plain call, but for *changes*."""
    return {"task": VIDEO.task, "id": "1", "retries": 0, "timelimit": [None, None], **changes}


def test_what_celery_itself_writes_for_a_plain_call_is_allowed() -> None:
    written = app.amqp.as_task_v2("1", VIDEO.task, kwargs={"job": "x", "version": 1})

    check(message(written.headers, list(written.body)), VIDEO)


@pytest.mark.parametrize("limits", [None, [None, None], [VIDEO.time_limit, VIDEO.soft_time_limit]])
def test_the_queues_own_time_limits_are_allowed(limits: Any) -> None:
    check(message(headers(timelimit=limits)), VIDEO)


@pytest.mark.parametrize("limits", [[1, None], [None, 1], 5, [None], "ab", [True, False]])
def test_other_time_limits_are_refused(limits: Any) -> None:
    with pytest.raises(RefusedMessageError):
        check(message(headers(timelimit=limits)), VIDEO)


@pytest.mark.parametrize("other", [row.task for row in queues.table({}) if row != VIDEO])
def test_another_queues_task_is_refused(other: str) -> None:
    with pytest.raises(RefusedMessageError, match=r"its task is not academy\.video\.run"):
        check(message(headers(task=other)), VIDEO)


@given(json_values, json_values)
def test_any_headers_and_any_body_are_allowed_or_refused(any_headers: Any, payload: Any) -> None:
    with pytest.raises(RefusedMessageError):
        check(message(any_headers, payload), VIDEO)


@given(
    st.sampled_from(
        ["id", "eta", "expires", "group", "retries", "timelimit", "stamps", "shadow", "root_id"]
    ),
    json_values,
)
def test_any_value_of_a_known_header_is_allowed_or_refused(name: str, value: Any) -> None:
    with contextlib.suppress(RefusedMessageError):
        check(message(headers(**{name: value})), VIDEO)


@given(st.sampled_from(sorted(EMBEDDED)), json_values.filter(bool))
def test_whatever_would_start_another_task_is_refused(name: str, value: Any) -> None:
    with pytest.raises(RefusedMessageError, match=name):
        check(message(headers(), [[], {}, {**EMBEDDED, name: value}]), VIDEO)
