"""What an event may say, and what became of the job."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.events.outcome import encode, tell_truth
from tasks.events.redact import redact

JOB = "01a208d3-4d85-7586-b9dd-c6af304866fb"
CANARY = "canary-number"


def task_event(kind: str, **fields: Any) -> dict[str, Any]:
    made = {"type": f"task-{kind}", "uuid": f"{JOB}-v1", "hostname": "ai-lite@host-1"}
    return made | {"timestamp": 1.0, "clock": 1, "pid": 1, "utcoffset": 0} | fields


def test_a_received_task_says_its_kind_and_nothing_of_its_arguments() -> None:
    said = redact(
        task_event(
            "received",
            name="video.transcode",
            args=f"('{CANARY}',)",
            kwargs=f"{{'to': '{CANARY}'}}",
            root_id=CANARY,
            parent_id=CANARY,
            eta=CANARY,
            expires=CANARY,
            retries=0,
        )
    )

    assert said["name"] == "video.transcode"
    assert (said["args"], said["kwargs"]) == ("()", "(redacted)")
    assert CANARY not in json.dumps(said)


def test_all_runs_of_a_job_are_one_task_and_their_number_its_retries() -> None:
    first = redact(task_event("received", name="video.transcode", retries=0))
    third = redact(
        task_event("received", name="video.transcode", retries=0) | {"uuid": f"{JOB}-v3"}
    )

    assert first["uuid"] == third["uuid"] == JOB
    assert (first["retries"], third["retries"]) == (0, 2)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (f"ValueError('{CANARY}')", "ValueError"),
        (f"SoftTimeLimitExceeded({CANARY})", "SoftTimeLimitExceeded"),
        (f"{CANARY} was not found", "error"),
        ("video_corrupt (failed)", "video_corrupt (failed)"),
        ("network_error", "network_error"),
    ],
)
def test_an_exception_is_told_by_its_class_or_code(raised: str, said: str) -> None:
    told = redact(task_event("failed", exception=raised, traceback=CANARY, result=CANARY))

    assert told["exception"] == said
    assert CANARY not in json.dumps(told)


@pytest.mark.parametrize("name", [f"pay {CANARY}", "x" * 200, "no-dot", "", None, "a.b\n.c", 7])
def test_a_name_that_no_kind_can_have_is_not_repeated(name: Any) -> None:
    assert redact(task_event("received", name=name))["name"] == "unnamed"


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20) | st.integers()))
def test_a_field_that_nobody_thought_of_does_not_pass(fields: dict[str, Any]) -> None:
    known = {
        *("type", "uuid", "hostname", "timestamp", "clock", "pid", "utcoffset", "name", "args"),
        *("kwargs", "retries", "exception", "runtime", "signum", "terminated", "expired"),
        *("requeue",),
    }

    assert set(redact(fields | task_event("received"))) <= known
    assert set(redact(fields | {"type": "worker-heartbeat"})) <= {
        *("type", "hostname", "timestamp", "clock", "pid", "utcoffset", "freq", "active"),
        *("processed", "loadavg", "sw_ident", "sw_ver", "sw_sys"),
    }


@pytest.mark.parametrize(
    ("state", "code", "kind", "exception"),
    [
        ("succeeded", "", "task-succeeded", None),
        ("failed", "video_corrupt", "task-failed", "video_corrupt (failed)"),
        ("dead", "retries_exhausted", "task-failed", "retries_exhausted (dead)"),
        ("retry_wait", "network_error", "task-retried", "network_error"),
        ("queued", "", "task-retried", "given back by the worker"),
        ("cancelled", "", "task-revoked", None),
    ],
)
def test_flower_is_told_what_became_of_the_job(
    state: str, code: str, kind: str, exception: str | None
) -> None:
    event = task_event("succeeded", result=repr(encode(state, code)), runtime=0.5)

    told = tell_truth(event)

    assert told is not None
    said = redact(told)
    assert said["type"] == kind
    assert said.get("exception") == exception
    assert said["runtime"] == 0.5


def test_a_job_that_waits_for_its_children_has_not_ended() -> None:
    assert tell_truth(task_event("succeeded", result=repr(encode("waiting", "")))) is None


@pytest.mark.parametrize("result", [None, "None", "'job:'", "'job:failed:x' ", 3, "job:failed:x"])
def test_another_result_is_left_as_celery_told_it(result: Any) -> None:
    event = task_event("succeeded", result=result)

    assert tell_truth(event) is event
