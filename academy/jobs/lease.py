"""Claim, heartbeat and settle: every statement that carries the fence.

A claim gives a worker attempt *n* and a lease. Each later statement names *n* and the state
``running``, so that a worker that was paused beyond its lease changes nothing: its statement
finds no row. Leases run on the database's clock; the worker's clock is never compared with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from academy.jobs import kinds
from academy.jobs.models import ERROR_CODE_CHARS
from academy.jobs.states import TERMINAL, JobState, Outcome
from academy.jobs.storable import storable_json, storable_text


@dataclass(frozen=True)
class Worker:
    """Who claims: shown in the attempt and in the events."""

    name: str
    host_kind: str = "cpu"


@dataclass(frozen=True)
class Delivery:
    """What the queue said about the message that led here."""

    message_id: str = ""
    receive_count: int = 1


@dataclass(frozen=True)
class Claim:
    """One attempt of one job, held under a lease."""

    job_id: UUID
    tenant_id: UUID
    kind: str
    kind_version: int
    attempt: int
    phase: str
    failures: int
    params: dict[str, Any]
    checkpoint: dict[str, Any]
    parent_id: UUID | None
    queue: str = ""
    request_id: str = ""
    traceparent: str = ""
    tenant: str = ""
    """The academy's short name, for log lines and spans."""


@dataclass(frozen=True)
class Refusal:
    """Why there was nothing to claim."""

    state: JobState | None
    """None: no such job."""
    known_kind: bool = True
    stale: bool = False


# The losing attempt of an expired lease is closed in the same statement that opens the next one.
_CLAIM = """
WITH claimed AS (
    UPDATE job SET
        state = 'running', attempt = attempt + 1,
        losses = losses + (state = 'running')::int,
        lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
        lease_owner = %(worker)s,
        started_at = COALESCE(started_at, clock_timestamp()), step = '', eta_seconds = NULL
    WHERE id = %(job)s AND version = %(version)s
      AND kind || ':' || kind_version = ANY(%(known)s)
      AND (state IN ('queued', 'published')
           OR (state = 'running' AND lease_until < clock_timestamp()
               AND losses + 1 < %(max_losses)s AND cancel_requested_at IS NULL))
    RETURNING *
), opened AS (
    INSERT INTO job_attempt (job_id, number, phase, worker, host_kind, message_id, receive_count,
                             started_at, outcome, error_code, error_params, detail)
    SELECT id, attempt, phase, %(worker)s, %(host_kind)s, %(message_id)s, %(receive_count)s,
           clock_timestamp(), '', '', '{}', '' FROM claimed
), closed AS (
    UPDATE job_attempt a SET outcome = 'lost', ended_at = clock_timestamp()
    FROM claimed c WHERE a.job_id = c.id AND a.number = c.attempt - 1 AND a.ended_at IS NULL
)
SELECT id, tenant_id, kind, kind_version, attempt, phase, failures, params, checkpoint,
       parent_id, queue, request_id, traceparent,
       (SELECT slug FROM tenants_tenant WHERE tenants_tenant.id = claimed.tenant_id)
FROM claimed
"""
_CLAIM_COLUMNS = tuple(column.name for column in fields(Claim))

_WHY_NOT = """
SELECT state, version, kind || ':' || kind_version = ANY(%(known)s) FROM job WHERE id = %(job)s
"""


def claim(job_id: UUID, version: int, *, worker: Worker, delivery: Delivery) -> Claim | Refusal:
    """Take the job for one attempt, or say why there is nothing to take."""
    known = kinds.known_versions()
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "job": job_id,
                "version": version,
                "known": known,
                "worker": worker.name,
                "host_kind": worker.host_kind,
                "message_id": delivery.message_id,
                "receive_count": delivery.receive_count,
                "lease": settings.JOB_LEASE_SECONDS,
                "max_losses": settings.JOB_MAX_LOSSES,
            },
        )
        row = cursor.fetchone()
        if row is not None:
            return _as_claim(row)
        cursor.execute(_WHY_NOT, {"job": job_id, "known": known})
        row = cursor.fetchone()
    if row is None:
        return Refusal(None)
    return Refusal(JobState(row[0]), known_kind=bool(row[2]), stale=row[1] != version)


# A message that goes back to SQS counts as received each time, and would soon be a dead letter.
_GIVE_BACK = """
UPDATE job SET state = 'queued', version = version + 1, published_at = NULL,
    not_before = clock_timestamp() + make_interval(secs => %(delay)s)
WHERE id = %(job)s AND version = %(version)s AND state = 'published'
"""


def give_back(job_id: UUID, version: int, *, delay_seconds: float) -> bool:
    """Have a published job that was not claimed published anew, later, for whoever can run it.

    False: there was nothing to give back, because the row has moved on.
    """
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, {"job": job_id, "version": version, "delay": delay_seconds})
        return bool(cursor.rowcount)


@dataclass(frozen=True)
class Progress:
    """What a handler last said: ``percent`` 0..100 of the whole job."""

    step: str
    percent: float
    eta_seconds: float | None


@dataclass(frozen=True)
class Beat:
    """What a heartbeat carries for one held attempt."""

    job_id: UUID
    attempt: int
    progress: Progress | None = None


# Rows are locked in one order everywhere, so that two statements over many rows cannot deadlock.
_RENEW = """
WITH beat AS (
    SELECT b.* FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::float8[], %s::float8[])
        AS b(id, attempt, step, percent, eta)
    JOIN job ON job.id = b.id AND job.attempt = b.attempt AND job.state = 'running'
    ORDER BY b.id FOR NO KEY UPDATE OF job
)
UPDATE job SET
    lease_until = clock_timestamp() + make_interval(secs => %s),
    step = COALESCE(beat.step, job.step),
    percent = GREATEST(job.percent, COALESCE(beat.percent, job.percent)),
    eta_seconds = CASE WHEN beat.step IS NULL THEN job.eta_seconds ELSE beat.eta END
FROM beat
WHERE job.id = beat.id AND job.attempt = beat.attempt AND job.state = 'running'
RETURNING job.id, job.attempt, job.cancel_requested_at IS NOT NULL
"""


def renew(beats: Sequence[Beat], cursor: Any) -> dict[tuple[UUID, int], bool]:
    """Extend the lease of every beat and store its progress, in one statement.

    Returns, for each attempt that still holds its job, whether a cancel was asked for. An attempt
    that is missing has lost its lease. ``cursor`` is the keeper's own, on its own connection.
    """
    progress = [beat.progress for beat in beats]
    cursor.execute(
        _RENEW,
        [
            [beat.job_id for beat in beats],
            [beat.attempt for beat in beats],
            [p.step if p else None for p in progress],
            [p.percent if p else None for p in progress],
            [p.eta_seconds if p else None for p in progress],
            settings.JOB_LEASE_SECONDS,
        ],
    )
    return {(job_id, attempt): bool(cancel) for job_id, attempt, cancel in cursor.fetchall()}


@dataclass(frozen=True)
class Settlement:
    """How an attempt ends and what becomes of its job."""

    state: JobState
    outcome: Outcome
    result: dict[str, Any] | None = None
    artifacts: Sequence[Mapping[str, Any]] = ()
    output_prefix: str = ""
    error_code: str = ""
    error_params: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    delay_seconds: float = 0.0
    """How long a row that goes back to the queue waits before it is due."""
    next_phase: str | None = None
    progress: Progress | None = None
    """The last progress that no heartbeat has stored yet."""


# A cancel that the attempt did not notice must not wait in the row for the next attempt: a job that
# would go on ends here instead.
_SETTLE = """
WITH settled AS (
    UPDATE job SET
        state = CASE WHEN {cancelled} THEN 'cancelled' ELSE %(state)s END,
        version = version + (%(state)s = 'queued' AND NOT {cancelled})::int,
        finished_at = CASE WHEN %(terminal)s OR {cancelled} THEN clock_timestamp() END,
        lease_until = NULL,
        failures = failures + (%(outcome)s = 'transient')::int,
        not_before = CASE WHEN %(delay)s::float8 > 0
            THEN clock_timestamp() + make_interval(secs => %(delay)s::float8) ELSE not_before END,
        phase = COALESCE(%(next_phase)s, phase),
        step = COALESCE(%(step)s, step),
        percent = CASE WHEN %(state)s = 'succeeded' THEN 100
                       ELSE GREATEST(percent, COALESCE(%(percent)s, percent)) END,
        eta_seconds = NULL,
        result = %(result)s, artifacts = %(artifacts)s, output_prefix = %(output_prefix)s,
        error_code = CASE WHEN {cancelled} THEN '' ELSE %(error_code)s END,
        error_params = CASE WHEN {cancelled} THEN '{}' ELSE %(error_params)s::jsonb END
    WHERE id = %(job)s AND attempt = %(attempt)s AND state = 'running'
    RETURNING id, state
), closed AS (
    UPDATE job_attempt SET
        outcome = CASE WHEN settled.state = %(state)s THEN %(outcome)s ELSE 'cancelled' END,
        ended_at = clock_timestamp(),
        error_code = %(error_code)s, error_params = %(error_params)s, detail = %(detail)s
    FROM settled WHERE job_id = settled.id AND number = %(attempt)s
)
SELECT state FROM settled
""".replace("{cancelled}", "(cancel_requested_at IS NOT NULL AND NOT %(terminal)s)")


def settle(claim: Claim, settlement: Settlement) -> JobState | None:
    """End the attempt; returns the job's new state.

    That is ``cancelled`` where the job would have gone on and a cancel had been asked for. None:
    the fence refused, because another attempt holds the job.
    """
    result = settlement.result
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLE,
            {
                "job": claim.job_id,
                "attempt": claim.attempt,
                "state": settlement.state.value,
                "terminal": settlement.state in TERMINAL,
                "outcome": settlement.outcome.value,
                "delay": settlement.delay_seconds,
                "next_phase": settlement.next_phase,
                "result": json.dumps(result) if result is not None else None,
                "artifacts": json.dumps(list(settlement.artifacts)),
                "output_prefix": settlement.output_prefix,
                "error_code": storable_text(settlement.error_code, ERROR_CODE_CHARS),
                "error_params": json.dumps(storable_json(settlement.error_params)),
                "detail": storable_text(settlement.detail, len(settlement.detail)),
                "step": settlement.progress.step if settlement.progress else None,
                "percent": settlement.progress.percent if settlement.progress else None,
            },
        )
        row = cursor.fetchone()
    return None if row is None else JobState(row[0])


_CHECKPOINT = """
UPDATE job SET checkpoint = %s WHERE id = %s AND attempt = %s AND state = 'running' RETURNING id
"""


def save_checkpoint(claim: Claim, data: Mapping[str, Any]) -> bool:
    """Store what a later attempt may start from. False: the fence refused."""
    with connection.cursor() as cursor:
        cursor.execute(_CHECKPOINT, [json.dumps(dict(data)), claim.job_id, claim.attempt])
        return cursor.fetchone() is not None


def _as_claim(row: Any) -> Claim:
    columns = dict(zip(_CLAIM_COLUMNS, row, strict=True))
    for name in ("params", "checkpoint"):
        columns[name] = _load(columns[name])
    return Claim(**columns)


def _load(value: Any) -> dict[str, Any]:
    """A raw cursor returns jsonb as text, because Django's fields decode it themselves."""
    loaded: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return loaded
