"""Write a letter for whatever died. Runs inside the relay, a bounded batch at a time.

A message is stored and committed before it is deleted from its queue; a crash in between delivers
it again, and the unique constraint makes it one letter all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, Max, OuterRef

from academy.core import catalogue, clock
from academy.deadletters.envelope import Reading, read
from academy.deadletters.fingerprint import fingerprint, normalise, raised
from academy.deadletters.models import DeadLetter, Inbox, LetterState, Source
from academy.fleet.queue_access import DeadMessage, QueueAccessError, queue_access
from academy.jobs.models import Job, JobAttempt
from academy.jobs.states import JobState
from academy.jobs.storable import storable_json, storable_text

logger = logging.getLogger(__name__)

JOBS_INBOX: Final = "jobs"
BATCH: Final = 200
MESSAGE_BATCH: Final = 10
MESSAGE_ROUNDS: Final = 20
HOLD_SECONDS: Final = 60
"""How long a received message is hidden: longer than storing ten of 1 MiB takes."""
OVERLAP: Final = timedelta(hours=1)
"""A job's end is stamped before its transaction commits, by the database's clock."""
SYSTEM: Final = "system"


# ---------------------------------------------------------------------------- dead jobs


def recent_jobs() -> int:
    """Letters for jobs that died since shortly before the newest letter; returns how many."""
    newest: datetime | None = DeadLetter.objects.filter(source=Source.JOB).aggregate(
        at=Max("died_at")
    )["at"]
    count = _jobs(None if newest is None else newest - OVERLAP)
    _was_read(JOBS_INBOX)
    return count


def all_jobs() -> int:
    """The same without a lower bound, for whatever a clock that went back has hidden."""
    return _jobs(None)


def _jobs(since: datetime | None) -> int:
    count = 0
    while True:
        jobs = _uncollected(since)
        DeadLetter.objects.bulk_create(_letters(jobs), ignore_conflicts=True)
        count += len(jobs)
        if len(jobs) < BATCH:
            return count
        # What was just stored need not be passed over again.
        since = jobs[-1].finished_at


def _uncollected(since: datetime | None) -> list[Job]:
    collected = DeadLetter.objects.filter(job=OuterRef("pk"), source=Source.JOB)
    dead = Job.unscoped.filter(~Exists(collected), state=JobState.DEAD)
    if since is not None:
        dead = dead.filter(finished_at__gte=since)
    return list(dead.order_by("finished_at", "id")[:BATCH])


def _letters(jobs: Sequence[Job]) -> list[DeadLetter]:
    now = clock.now()
    details = _details(jobs)
    roots = roots_of([job.pk for job in jobs])
    return [_job_letter(job, roots[job.pk], details.get(job.pk, ""), now) for job in jobs]


def _job_letter(job: Job, root_id: UUID, detail: str, now: datetime) -> DeadLetter:
    said = raised(detail) or catalogue.describe(job.error_code).message("en", job.error_params)
    title = normalise(said)
    assert job.finished_at is not None
    return DeadLetter(
        source=Source.JOB,
        queue=job.queue,
        job=job,
        root_id=root_id,
        tenant_id=job.tenant_id,
        kind=job.kind,
        code=job.error_code,
        title=title,
        fingerprint=fingerprint(job.kind, job.error_code, title),
        died_at=job.finished_at,
        collected_at=now,
    )


def _details(jobs: Sequence[Job]) -> dict[UUID, str]:
    """The last attempt's traceback of each job that has one."""
    attempts = JobAttempt.objects.filter(job__in=[job.pk for job in jobs]).order_by("number")
    last = dict.fromkeys((job.pk for job in jobs), "")
    # Ascending, so that the last attempt's wins, also where it left none: a lost worker's does.
    last.update(attempts.values_list("job_id", "detail"))
    return last


def roots_of(job_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """For each job the outermost one of the flow that it is a part of; itself outside a flow."""
    roots = {job_id: job_id for job_id in job_ids}
    while True:
        parents = dict(
            Job.unscoped.filter(pk__in=set(roots.values()), parent__isnull=False).values_list(
                "pk", "parent_id"
            )
        )
        if not parents:
            return roots
        roots = {job_id: parents.get(root, root) or root for job_id, root in roots.items()}


# ---------------------------------------------------------------------------- dead messages


def messages(queue: str) -> int:
    """Empty the dead-letter queue of one queue into rows; returns how many it stored.

    Raises QueueAccessError where SQS does not answer, after noting it for the operators.
    """
    access = queue_access()
    count = 0
    try:
        for _ in range(MESSAGE_ROUNDS):
            received = access.receive_dead(queue, limit=MESSAGE_BATCH, hold_seconds=HOLD_SECONDS)
            if not received:
                break
            stored = [message.receipt for message in received if _stored(queue, message)]
            left = access.delete_dead(queue, stored)
            if left:
                logger.warning("%s: %s dead letters not deleted, read again", queue, len(left))
            count += len(stored)
    except QueueAccessError as error:
        _was_read(queue, problem=str(error))
        raise
    _was_read(queue)
    return count


def _stored(queue: str, message: DeadMessage) -> bool:
    """Store one message; False where the database refuses it, so that it holds up no other."""
    try:
        with transaction.atomic():
            letter = _message_letter(queue, message)
            DeadLetter.objects.bulk_create([letter], ignore_conflicts=True)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("%s: message %s could not be stored", queue, message.message_id)
        return False
    return True


def _message_letter(queue: str, message: DeadMessage) -> DeadLetter:
    now = clock.now()
    reading = read(message.body)
    job = None if reading.job_id is None else Job.unscoped.filter(pk=reading.job_id).first()
    code = _code(reading, job, queue)
    kind = "" if job is None else job.kind
    letter = DeadLetter(
        source=Source.MESSAGE,
        queue=queue,
        job=job,
        root=job,
        tenant_id=None if job is None else job.tenant_id,
        kind=kind,
        code=code,
        title=reading.title,
        fingerprint=fingerprint(kind, code, reading.title),
        message_id=storable_text(message.message_id, 100),
        body=message.body.encode("utf-8", "surrogatepass"),
        attributes=storable_json(message.attributes),
        receive_count=message.receive_count,
        sent_at=message.sent_at,
        died_at=now,
        collected_at=now,
    )
    if code == "message_overtaken":
        letter.state = LetterState.SUPERSEDED
        letter.resolved_at, letter.resolved_by = now, SYSTEM
    return letter


def _code(reading: Reading, job: Job | None, queue: str) -> str:
    if reading.code:
        return reading.code
    if job is None:
        return "message_job_unknown"
    waits = awaits_message(job, reading.version) and job.queue == queue
    return "message_unanswered" if waits else "message_overtaken"


def awaits_message(job: Job, version: int) -> bool:
    """Whether only this very message could have set the row going: the row says the rest.

    A running row has its lease, one that waits has its moment or its children, one that was queued
    anew has a newer message, and one that has ended needs none; a dead one has a letter of its own.
    """
    return job.version == version and job.state in (JobState.QUEUED, JobState.PUBLISHED)


# ---------------------------------------------------------------------------- inboxes


def _was_read(name: str, *, problem: str = "") -> None:
    now = clock.now()
    if not problem:
        Inbox.objects.update_or_create(
            name=name, defaults={"read_at": now, "problem": "", "problem_since": None}
        )
        return
    inbox, _ = Inbox.objects.get_or_create(name=name)
    inbox.problem = storable_text(problem, 200)
    inbox.problem_since = inbox.problem_since or now
    inbox.save(update_fields=["problem", "problem_since"])
