"""Which link is blamed for a job that did not come back, from what was true around it."""

from __future__ import annotations

import string
from typing import Any
from uuid import uuid4

import pytest

from academy.core import clock
from academy.fleet.models import QueueSwitch, Worker
from academy.jobs.models import Job
from academy.ops.deep import blame, findings
from academy.ops.deep.pings import Way
from academy.ops.deep.report import Link, PartResult, QueueResult, Report, Status, Verdict

QUEUE = "video"
FACTS: dict[str, Any] = {"error": "X", "queues": "video", "buckets": "ai"}


def way(reached: Link, **job: Any) -> Way:
    made = Job(pk=uuid4(), kind="system.ping.video", queue=QUEUE, lease_owner="video@h/1", **job)
    return Way(made, reached, {})


def broken(name: str, finding: str) -> PartResult:
    return PartResult(name=name, status=Status.BROKEN, finding=finding, facts=FACTS)


def worker(state: str = "working", concurrency: int = 1) -> Worker:
    return Worker(name="video@h", queue=QUEUE, state=state, concurrency=concurrency)


def scene(**changes: Any) -> blame.Scene:
    known: dict[str, Any] = {
        "switches": {},
        "workers": {QUEUE: [worker()]},
        "windows": {QUEUE: 20},
        "unclaimed": {QUEUE: 1},
        "running": {QUEUE: 0},
        "broken": {},
        "relay_silent": 0.4,
        "elapsed": 30.0,
    }
    return blame.Scene(**{**known, **changes})


RELAY = {"relay": broken("relay", "relay_down")}
BROKER = {"broker": broken("broker", "broker_down")}
STORE = {"object_store": broken("object_store", "store_down")}


@pytest.mark.parametrize(
    ("reached", "around", "status", "finding"),
    [
        (Link.STORED, {"broken": RELAY}, "broken", "relay_down"),
        (Link.STORED, {"broken": BROKER}, "broken", "broker_down"),
        (Link.STORED, {"broken": RELAY | BROKER}, "broken", "relay_down"),
        (Link.STORED, {"relay_silent": 31.0}, "broken", "relay_silent"),
        (Link.STORED, {"relay_silent": None}, "broken", "relay_did_not_publish"),
        (Link.STORED, {}, "broken", "relay_did_not_publish"),
        (Link.STORED, {"unclaimed": {QUEUE: 20}}, "busy", "queue_full"),
        (Link.STORED, {"unclaimed": {QUEUE: 20}, "broken": RELAY}, "broken", "relay_down"),
        (Link.PUBLISHED, {"workers": {}}, "broken", "no_worker"),
        (Link.PUBLISHED, {"workers": {}, "running": {QUEUE: 1}}, "busy", "workers_busy"),
        (Link.PUBLISHED, {"running": {QUEUE: 1}}, "busy", "workers_busy"),
        (
            Link.PUBLISHED,
            {"workers": {QUEUE: [worker(concurrency=8)]}, "running": {QUEUE: 1}},
            "broken",
            "worker_does_not_take",
        ),
        (Link.PUBLISHED, {"workers": {QUEUE: [worker("drained")]}}, "broken", "workers_drained"),
        (
            Link.PUBLISHED,
            {"workers": {QUEUE: [worker("drained"), worker()]}},
            "broken",
            "worker_does_not_take",
        ),
        (Link.PUBLISHED, {"broken": BROKER, "workers": {}}, "broken", "broker_down"),
        (Link.CLAIMED, {}, "broken", "worker_does_not_finish"),
        (Link.CLAIMED, {"broken": STORE}, "broken", "worker_store"),
    ],
)
def test_the_link_that_holds_a_job_up_is_named(
    reached: Link, around: dict[str, Any], status: str, finding: str
) -> None:
    found = blame.judge(QUEUE, way(reached), scene(**around))

    assert (found.status, found.finding, found.reached) == (status, finding, reached)
    for language in ("ko", "en"):
        meant = findings.finding(found.finding)
        assert "?" not in meant.message(language, found.facts) + meant.action(language, found.facts)


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        ("storage_unavailable", "worker_store"),
        ("storage_refused", "worker_store"),
        ("worker_lost", "ping_failed"),
        ("out_of_memory", "ping_failed"),
    ],
)
def test_a_job_that_failed_on_the_worker_says_with_what(code: str, finding: str) -> None:
    job = way(Link.CLAIMED, state="retry_wait", error_code=code)

    found = blame.judge(QUEUE, job, scene())

    assert found.finding == finding
    assert code in findings.finding(finding).message("ko", found.facts)


@pytest.mark.parametrize("reached", [Link.STORED, Link.PUBLISHED, Link.CLAIMED])
def test_a_queue_that_was_paused_meanwhile_is_paused(reached: Link) -> None:
    switch = QueueSwitch(queue=QUEUE, paused_at=clock.now(), paused_by="user:1", reason="repairs")

    found = blame.judge(QUEUE, way(reached), scene(switches={QUEUE: switch}, broken=RELAY))

    assert (found.status, found.facts["reason"]) == (Status.PAUSED, "repairs")


def test_an_open_job_is_not_judged_before_its_time() -> None:
    assert blame.judge(QUEUE, way(Link.PUBLISHED, state="published"), None).status is Status.RUNNING
    done = blame.judge(QUEUE, way(Link.SETTLED, state="succeeded"), None)
    assert (done.status, done.facts["worker"]) == (Status.OK, "video@h/1")


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["ok", "ok"], Verdict.OK),
        (["ok", "paused"], Verdict.ATTENTION),
        (["busy", "ok"], Verdict.ATTENTION),
        (["warning", "broken"], Verdict.BROKEN),
    ],
)
def test_the_verdict_is_the_worst_of_all(statuses: list[str], verdict: Verdict) -> None:
    now = clock.now()
    part, queue = (Status(status) for status in statuses)
    report = Report(
        id=uuid4(),
        started_at=now,
        deadline_at=now,
        finished_at=now,
        parts=[PartResult(name="database", status=part, finding="ok")],
        queues=[QueueResult(queue=QUEUE, status=queue, finding="ok")],
    )
    assert report.verdict is verdict
    assert report.model_copy(update={"finished_at": None}).verdict is Verdict.RUNNING


def test_every_finding_speaks_both_languages_over_the_same_facts() -> None:
    def names(template: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(template) if name}

    for finding in findings.FINDINGS.values():
        assert names(finding.ko) == names(finding.en), finding.code
        assert any("가" <= letter <= "힣" for letter in finding.ko), finding.code
        assert bool(finding.action_ko) == bool(finding.action_en), finding.code
        assert bool(finding.runbook) == bool(finding.action_en), finding.code
