"""Fan-out and join: a parent waits for its children, then runs its next phase.

A child ends in its own transaction; the join is a statement of its own after that commit. Within
one transaction two last children would not see each other and the parent would wait for ever
(measured: 39 of 150). A join that a crash swallowed is found by the reaper.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from academy.core import clock, tracing
from academy.core.crash import crash_point
from academy.jobs import kinds
from academy.jobs.context import Child, ChildResult
from academy.jobs.errors import PermanentError
from academy.jobs.lease import Claim
from academy.jobs.models import Job
from academy.jobs.states import REPLAYABLE, JobState

MAX_CHILDREN = 5_000


_BEGIN = """
UPDATE job SET fan_out = jsonb_build_object('parts', %s::int, 'from', percent,
    'until', GREATEST(percent, %s::float8), 'since', clock_timestamp())
WHERE id = %s AND state = 'waiting'
"""


def spawn(parent: Claim, children: Sequence[Child], *, until_percent: float = 100.0) -> None:
    """Store the children of a parent, in the transaction that makes it wait.

    Raises `PermanentError` when the fan-out itself is wrong (no child, too many, a key twice, an
    unknown kind or bad parameters).
    """
    keys = [child.key for child in children]
    if not 0 < len(keys) <= MAX_CHILDREN or len(set(keys)) != len(keys):
        raise PermanentError("handler_output_invalid", children=len(keys))
    taken = Job.unscoped.filter(parent_id=parent.job_id, child_key__in=keys)
    if (twice := taken.values_list("child_key", flat=True).first()) is not None:
        raise PermanentError("handler_output_invalid", child_of_earlier_phase=twice)
    parent_row = Job.unscoped.get(pk=parent.job_id)
    # Below the attempt that split the work; the parent's own where this process does not trace.
    trace = tracing.traceparent() or parent_row.traceparent
    now = clock.now()
    rows = []
    for child in children:
        spec = kinds.find(child.kind)
        if spec is None:
            raise PermanentError("kind_unknown", kind=child.kind)
        params = spec.parse(dict(child.params))
        rows.append(
            Job(
                tenant_id=parent.tenant_id,
                kind=spec.name,
                kind_version=spec.version,
                queue=spec.queue_for(parent.tenant_id, params),
                priority=parent_row.priority,
                params=params.model_dump(mode="json"),
                submitted_by=parent_row.submitted_by,
                request_id=parent_row.request_id,
                traceparent=trace,
                not_before=now,
                created_at=now,
                parent=parent_row,
                child_key=child.key,
                escalation_of=parent_row if child.escalates else None,
            )
        )
    Job.unscoped.bulk_create(rows, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [len(rows), min(100.0, max(0.0, until_percent)), parent.job_id])


# A waiting parent has no worker to tell how far it is: each child that ends moves it on.
_ADVANCE = """
WITH left_over AS (
    SELECT count(*)::float8 AS parts FROM job
    WHERE parent_id = %(parent)s AND finished_at IS NULL
), share AS (
    SELECT job.id,
        LEAST(1, GREATEST(0, 1 - left_over.parts / (fan_out ->> 'parts')::float8)) AS done
    FROM job, left_over
    WHERE job.id = %(parent)s AND state = 'waiting' AND fan_out IS NOT NULL
)
UPDATE job SET
    percent = GREATEST(percent, (fan_out ->> 'from')::float8
        + share.done * ((fan_out ->> 'until')::float8 - (fan_out ->> 'from')::float8)),
    eta_seconds = CASE WHEN share.done > 0 THEN
        extract(epoch FROM clock_timestamp() - (fan_out ->> 'since')::timestamptz)
        * (1 - share.done) / share.done END
FROM share WHERE job.id = share.id AND job.state = 'waiting' AND share.done < 1
"""

_JOIN = """
UPDATE job SET state = 'queued', version = version + 1, not_before = clock_timestamp()
WHERE id = %s AND state = 'waiting' AND NOT EXISTS (
    SELECT FROM job child WHERE child.parent_id = job.id AND child.state <> 'succeeded'
)
"""

_END_PARENT = """
UPDATE job SET state = 'failed', finished_at = clock_timestamp(), eta_seconds = NULL,
    error_code = 'child_failed', error_params = %s
WHERE id = %s AND state = 'waiting' RETURNING parent_id
"""


def join(parent_id: UUID) -> bool:
    """Move a waiting parent on if its children allow; call it outside any transaction.

    All children succeeded: the next phase is queued. One failed, died or was cancelled: the parent
    ends with a reason that names it, and what is left of the flow is cancelled.
    """
    crash_point("join.before")
    with connection.cursor() as cursor:
        cursor.execute(_JOIN, [parent_id])
        if cursor.rowcount:
            return True
        cursor.execute(_ADVANCE, {"parent": parent_id})
    broken = (
        Job.unscoped.filter(parent_id=parent_id, state__in=[s.value for s in REPLAYABLE])
        .order_by("finished_at", "child_key")
        .first()
    )
    if broken is None:
        return False
    return _end_parent(parent_id, broken)


def _end_parent(parent_id: UUID, broken: Job) -> bool:
    reason = broken.error_code or broken.state
    params = {"child": broken.child_key, "reason": reason, "child_job": str(broken.pk)}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_END_PARENT, [json.dumps(params), parent_id])
            row = cursor.fetchone()
        if row is None:
            return False
        cancel_children(parent_id)
        ended(parent_id)
    if row[0] is not None:
        join(row[0])
    return True


_CANCEL_IDLE = """
WITH RECURSIVE flow AS (
    SELECT id FROM job WHERE parent_id = %(parent)s
    UNION ALL
    SELECT job.id FROM job JOIN flow ON job.parent_id = flow.id
), left_over AS (
    -- One order of locking, as in the heartbeat: neither can deadlock the other.
    SELECT id FROM job WHERE id IN (SELECT id FROM flow) AND finished_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE job SET
    cancel_requested_at = COALESCE(cancel_requested_at, clock_timestamp()),
    state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END,
    finished_at = CASE WHEN state = 'running' THEN NULL ELSE clock_timestamp() END
WHERE id IN (SELECT id FROM left_over) AND finished_at IS NULL
  AND NOT (state = 'running' AND cancel_requested_at IS NOT NULL)
RETURNING id, state
"""


def cancel_children(parent_id: UUID) -> int:
    """Cancel all that is left below a parent: at once where idle, by the flag where running."""
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL_IDLE, {"parent": parent_id})
        rows = cursor.fetchall()
    for job_id, state in rows:
        if state == JobState.CANCELLED:
            ended(job_id)
    return len(rows)


def ended(job_id: UUID) -> None:
    """Tell the domain, in the present transaction, that a job ended without success."""
    job = Job.unscoped.get(pk=job_id)
    spec = kinds.find(job.kind)
    if spec is not None and spec.on_ended is not None:
        spec.on_ended(job)


def children_results(parent_id: UUID) -> list[ChildResult]:
    """What the succeeded children left, ordered by key."""
    done = Job.unscoped.filter(parent_id=parent_id, state=JobState.SUCCEEDED.value)
    return [
        ChildResult(job.child_key, job.pk, job.result or {}, job.output_prefix, job.artifacts)
        for job in done.order_by("child_key")
    ]


def joinable(limit: int) -> list[UUID]:
    """Waiting parents that a lost join left behind: no child at work, or one that broke."""
    children = Job.unscoped.filter(parent_id=OuterRef("pk"))
    broken = children.filter(state__in=[state.value for state in REPLAYABLE])
    at_work = children.filter(finished_at__isnull=True)
    waiting = Job.unscoped.filter(state=JobState.WAITING.value)
    stuck = waiting.filter(Exists(broken) | ~Exists(at_work))
    return list(stuck.values_list("pk", flat=True)[:limit])


def orphaned(limit: int) -> list[UUID]:
    """Parents that ended without success while children are still at work."""
    below = Job.unscoped.filter(
        parent_id__isnull=False,
        finished_at__isnull=True,
        cancel_requested_at__isnull=True,
        parent__state__in=[state.value for state in REPLAYABLE],
    )
    parents = below.order_by().values_list("parent_id", flat=True).distinct()[:limit]
    return list(parents)
