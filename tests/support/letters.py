"""Dead letters in a test: jobs that died, a dead-letter queue in memory, and sweeps by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from academy.core import clock
from academy.deadletters import collect, progress, settle
from academy.deadletters.models import DeadLetter
from academy.fleet import queue_access
from academy.fleet.queue_access import DeadMessage, QueueAccessError, QueueDepth, QueueFacts
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from tasks import queues
from tests.support.jobs import make_job, run
from tests.support.workers import envelope


class MemoryQueues:
    """The port to SQS without SQS: dead letters in lists, and whatever was sent."""

    def __init__(self) -> None:
        self.dead: dict[str, list[DeadMessage]] = {}
        self.held: set[str] = set()
        self.sent: list[tuple[str, str, str]] = []
        self.broken: set[str] = set()

    def bury(self, queue: str, body: str, **changes: Any) -> DeadMessage:
        """Put a message into the dead-letter queue of *queue*."""
        identity = str(uuid4())
        fields = {"message_id": identity, "receipt": f"receipt-{identity}", "receive_count": 5}
        message = DeadMessage(body=body, sent_at=clock.now(), **(fields | changes))
        self.dead.setdefault(queue, []).append(message)
        return message

    def facts(self) -> Sequence[QueueFacts]:
        return [
            QueueFacts(
                name=row.name,
                sqs_name=row.sqs_name,
                dlq_name=row.dlq_name,
                pool=row.pool,
                concurrency=row.concurrency,
                host_kinds=frozenset(row.host_kinds),
                visibility_seconds=row.visibility_seconds,
                max_receive_count=row.max_receive_count,
                publish_window=row.publish_window,
            )
            for row in queues.table()
        ]

    def depths(self) -> Sequence[QueueDepth]:
        return []

    def receive_dead(self, queue: str, *, limit: int, hold_seconds: int) -> list[DeadMessage]:
        self._answer("receive_message", queue)
        found = [m for m in self.dead.get(queue, []) if m.receipt not in self.held][:limit]
        self.held |= {message.receipt for message in found}
        return found

    def delete_dead(self, queue: str, receipts: Sequence[str]) -> list[str]:
        self._answer("delete_message_batch", queue)
        self.dead[queue] = [m for m in self.dead.get(queue, []) if m.receipt not in receipts]
        return []

    def send(self, queue: str, body: str, *, group: str = "") -> str:
        self._answer("send_message", queue)
        self.sent.append((queue, body, group))
        return f"sent-{len(self.sent)}"

    def _answer(self, operation: str, queue: str) -> None:
        if queue in self.broken:
            raise QueueAccessError(f"{operation} on {queue}: EndpointConnectionError")


def memory_queues(monkeypatch: Any) -> MemoryQueues:
    """Dead-letter queues in memory for one test."""
    made = MemoryQueues()
    monkeypatch.setattr(queue_access, "_access", made)
    return made


def thin_body(queue: str, job_id: UUID, version: int) -> str:
    """A message as the relay sends it."""
    kwargs = {"job": str(job_id), "version": version}
    return json.dumps(envelope(queues.by_name(queue), kwargs))


def dead_job(tenant: Tenant, kind: str = "test.poison", **fields: Any) -> Job:
    """A job that ran and died."""
    job = make_job(tenant, kind, **fields)
    run(job)
    assert job.state == "dead", job
    return job


def letter_of(job: Job) -> DeadLetter:
    """The letter of a dead job, collected now if it was not."""
    collect.recent_jobs()
    return DeadLetter.objects.get(job=job, source="job")


def sweep() -> None:
    """What the relay's sweeps do in one round, queues apart."""
    collect.recent_jobs()
    progress.sweep()
    settle.sweep()
