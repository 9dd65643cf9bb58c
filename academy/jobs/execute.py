"""Run one delivery: claim, call the handler, settle. Knows no broker; Celery is one caller."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from academy.core import clock, logs, tracing
from academy.core.crash import crash_point
from academy.core.masking import mask
from academy.jobs import flow, kinds, lease, logbook
from academy.jobs.classify import Elsewhere, Permanent, Poison, Transient, classify
from academy.jobs.context import Artifact, Done, FanOut, JobContext
from academy.jobs.errors import JobStopped, PermanentError, StaleAttemptError, StopReason
from academy.jobs.keeper import Held, LeaseKeeper
from academy.jobs.lease import Claim, Delivery, Refusal, Settlement, Worker
from academy.jobs.models import Job
from academy.jobs.retry import RetryPolicy, elsewhere_delay
from academy.jobs.scratch import Scratch
from academy.jobs.states import TERMINAL, JobState, Outcome

logger = logging.getLogger(__name__)
_log = logging.getLogger("academy.jobs.run")

T = TypeVar("T")
OnSettled: TypeAlias = Callable[[JobState, str], None]

DATABASE_PATIENCE: Final = 600.0
"""Seconds a worker waits for the database before it gives a delivery back."""
IDLE_SECONDS: Final = 5.0
"""A database connection that rested longer is checked before it is used."""
DETAIL_CHARS: Final = 4_000


class Verdict(StrEnum):
    """What becomes of the message."""

    DONE = "done"
    """Acknowledge: the row says the rest."""
    RELEASE = "release"
    """Give it back: another worker, or this one later, can take it."""
    POISON = "poison"
    """Nothing in the database stands behind it: let the redrive policy take it to the DLQ."""


def execute(
    job_id: UUID,
    version: int,
    *,
    worker: Worker,
    delivery: Delivery,
    keeper: LeaseKeeper,
    on_settled: OnSettled | None = None,
    on_unclaimed: Callable[[JobState], None] | None = None,
) -> Verdict:
    """Handle one delivered ``{job, version}``; never raises for a failure of the job.

    ``on_settled`` is told what the attempt wrote, once it stands: the state and the error's code.
    ``on_unclaimed`` is told the job's state where this message is done because there was nothing
    to claim.
    """
    crash_point("claim.before")
    started_ns = tracing.now_ns()
    _check_idle_connection()
    try:
        claimed = patiently(lambda: lease.claim(job_id, version, worker=worker, delivery=delivery))
    except (OperationalError, InterfaceError):
        logger.exception("no database for %s s: the delivery goes back", DATABASE_PATIENCE)
        return Verdict.RELEASE
    if isinstance(claimed, Refusal):
        with logs.bound(job=str(job_id)):
            verdict = _refused(job_id, version, claimed)
        if verdict is Verdict.DONE and claimed.state is not None and on_unclaimed is not None:
            on_unclaimed(claimed.state)
        return verdict
    crash_point("claim.after")
    with _attempt(claimed, worker, delivery, started_ns) as span:
        _run(claimed, keeper, on_settled, span)
    return Verdict.DONE


def _refused(job_id: UUID, version: int, refusal: Refusal) -> Verdict:
    if refusal.state is None:
        logger.error("message for job %s, which does not exist", job_id)
        return Verdict.POISON
    if not refusal.known_kind and refusal.state not in TERMINAL and not refusal.stale:
        logger.warning("job %s is of a kind or version this worker does not have", job_id)
        return _given_back(job_id, version)
    logger.info("nothing to claim for job %s (%s)", job_id, refusal.state)
    return Verdict.DONE


def _given_back(job_id: UUID, version: int) -> Verdict:
    """During an upgrade, newer workers take it; the later, the more often it came back."""
    delay = elsewhere_delay(version)
    try:
        patiently(lambda: lease.give_back(job_id, version, delay_seconds=delay))
    except (OperationalError, InterfaceError):
        logger.exception("no database for %s s: the delivery goes back", DATABASE_PATIENCE)
        return Verdict.RELEASE
    return Verdict.DONE


@contextlib.contextmanager
def _attempt(
    claim: Claim, worker: Worker, delivery: Delivery, started_ns: int
) -> Iterator[tracing.Span]:
    """Log and trace the block as this attempt; its trace is the one that the row was stored in."""
    traced = tracing.span(
        f"job.attempt {claim.kind}",
        _attributes(claim, worker, delivery) if tracing.enabled() else None,
        kind="consumer",
        parent=claim.traceparent,
        started_ns=started_ns,
    )
    with traced as span, logs.bound(**_fields(claim)):
        span.event("claimed")
        yield span


def _attributes(claim: Claim, worker: Worker, delivery: Delivery) -> tracing.Attributes:
    return {
        "academy.job.id": str(claim.job_id),
        "academy.job.kind": claim.kind,
        "academy.job.attempt": claim.attempt,
        "academy.job.phase": claim.phase,
        "academy.queue": claim.queue,
        "academy.tenant": claim.tenant,
        "academy.worker": worker.name,
        "messaging.message.id": delivery.message_id,
        "academy.receive_count": delivery.receive_count,
    }


def _fields(claim: Claim) -> dict[str, Any]:
    """What every log line of the attempt carries."""
    fields = {
        "job": str(claim.job_id),
        "tenant": claim.tenant,
        "attempt": claim.attempt,
        "kind": claim.kind,
        "queue": claim.queue,
        "request_id": claim.request_id,
        "trace": tracing.trace_id(),
    }
    return {name: value for name, value in fields.items() if value}


def _run(
    claim: Claim, keeper: LeaseKeeper, on_settled: OnSettled | None, span: tracing.Span
) -> None:
    spec = kinds.get(claim.kind)
    with keeper.hold(claim, spec.timeout_seconds) as held:
        fan_out: FanOut | None = None
        settlement: Settlement | None
        try:
            with (
                Scratch(f"{claim.job_id}-a{claim.attempt}") as scratch,
                logbook.kept(claim.job_id, claim.attempt) as book,
            ):
                context: JobContext[Any] = JobContext(
                    claim,
                    spec.parse(claim.params),
                    scratch=scratch,
                    held=held,
                    # Also from a thread that does not have the attempt's context.
                    log=logging.LoggerAdapter(_log, {**_fields(claim), logbook.BOOK: book}),
                    load_children=lambda: flow.children_results(claim.job_id),
                    span=span,
                )
                crash_point("handler.before")
                outcome = spec.load_handler()(context)
                crash_point("handler.after")
            settlement = _settlement(context, outcome)
            fan_out = outcome if isinstance(outcome, FanOut) else None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is classified
            settlement = failure_settlement(claim, spec, held, error)
            _tell(span, settlement, error)
        except BaseException:
            # The worker itself is told to end: give the job back before it does.
            finish(claim, Settlement(JobState.QUEUED, Outcome.RELEASED), on_settled=on_settled)
            raise
        if settlement is None:
            logger.warning("the lease was lost; whoever holds the job now goes on")
            return
        settlement = replace(settlement, progress=held.take_progress())
        crash_point("settle.before")
        try:
            finish(claim, settlement, fan_out, on_settled=on_settled)
        except Exception as error:  # noqa: BLE001 - a hook or an unstorable result
            logger.warning("settling failed: %s", type(error).__name__)
            settlement = failure_settlement(claim, spec, held, error)
            _tell(span, settlement, error)
            if settlement is not None:
                finish(claim, settlement, on_settled=on_settled)
        crash_point("settle.after")


def _tell(span: tracing.Span, settlement: Settlement | None, error: Exception) -> None:
    """Mark the attempt's span as failed; being cancelled or given back is no failure."""
    if settlement is None:
        span.fail("lease_lost", error)
    elif settlement.error_code and settlement.outcome is not Outcome.RELEASED:
        span.fail(settlement.error_code, error)


def _settlement(context: JobContext[Any], outcome: object) -> Settlement:
    """Check what the handler returned; raises PermanentError when it cannot be stored."""
    if isinstance(outcome, FanOut):
        return Settlement(JobState.WAITING, Outcome.WAITING, next_phase=outcome.then)
    if not isinstance(outcome, Done):
        raise PermanentError("handler_output_invalid", returned=type(outcome).__name__)
    try:
        json.dumps(outcome.result, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PermanentError("handler_output_invalid", problem=str(error)) from error
    stray = [a.key for a in outcome.artifacts if not a.key.startswith(context.output_prefix)]
    if stray:
        raise PermanentError("handler_output_invalid", outside_prefix=stray[:3])
    return Settlement(
        JobState.SUCCEEDED,
        Outcome.SUCCEEDED,
        result=outcome.result,
        artifacts=[_artifact(item) for item in outcome.artifacts],
        output_prefix=context.output_prefix if outcome.artifacts else "",
    )


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return asdict(artifact)


_STOPPED: Final = {
    StopReason.CANCELLED: Settlement(JobState.CANCELLED, Outcome.CANCELLED),
    StopReason.DRAINING: Settlement(JobState.QUEUED, Outcome.RELEASED),
}


def failure_settlement(
    claim: Claim, spec: kinds.KindSpec[Any], held: Held, error: Exception
) -> Settlement | None:
    """What an exception means for the job; None: nothing may be written.

    An attempt that was told to stop failed because of it, whatever it raised.
    """
    reason = error.reason if isinstance(error, JobStopped) else held.stop_reason
    if reason is StopReason.TIMEOUT:
        return _ended(Permanent("job_timeout", {"seconds": spec.timeout_seconds}), error)
    if reason is StopReason.LEASE_LOST:
        return None
    if reason is not None:
        return _STOPPED[reason]
    decision = classify(error)
    if isinstance(decision, Elsewhere):
        logger.warning("the job goes back: %s", error)
        return Settlement(
            JobState.QUEUED,
            Outcome.RELEASED,
            error_code=decision.code,
            error_params=decision.params,
            delay_seconds=elsewhere_delay(claim.attempt, retry_after=decision.retry_after),
        )
    if not isinstance(decision, Transient):
        return _ended(decision, error)
    failures = claim.failures + 1
    policy = RetryPolicy(max_attempts=spec.max_attempts)
    delay = policy.delay(failures, retry_after=decision.retry_after)
    if delay is None:
        last = {"failures": failures, "last_code": decision.code}
        return _ended(Poison("retries_exhausted", last), error, Outcome.TRANSIENT)
    return Settlement(
        JobState.RETRY_WAIT,
        Outcome.TRANSIENT,
        error_code=decision.code,
        error_params=decision.params,
        detail=_detail(error),
        delay_seconds=delay,
    )


def _ended(
    decision: Permanent | Poison, error: Exception, outcome: Outcome | None = None
) -> Settlement:
    permanent = isinstance(decision, Permanent)
    if not permanent:
        logger.error("a job died: %s", decision.code, exc_info=error)
    return Settlement(
        JobState.FAILED if permanent else JobState.DEAD,
        outcome or (Outcome.PERMANENT if permanent else Outcome.POISON),
        error_code=decision.code,
        error_params=decision.params,
        detail=_detail(error),
    )


def _detail(error: Exception) -> str:
    # Masked as a whole, so that a cut cannot leave half a number that no mask knows.
    return mask("".join(traceback.format_exception(error)))[-DETAIL_CHARS:]


def finish(
    claim: Claim,
    settlement: Settlement,
    fan_out: FanOut | None = None,
    *,
    on_settled: OnSettled | None = None,
) -> None:
    """Write the end of an attempt through the fence, then join the parent's flow."""
    try:
        state = _traced_write(claim, settlement, fan_out)
    except StaleAttemptError:
        logger.warning("attempt %s of job %s was fenced off", claim.attempt, claim.job_id)
        return
    except (OperationalError, InterfaceError):
        logger.exception("job %s could not be settled; its lease will run out", claim.job_id)
        return
    code = f" ({settlement.error_code})" if settlement.error_code else ""
    logger.info("attempt ended: %s%s", state, code)
    if on_settled is not None:
        on_settled(state, settlement.error_code or "")
    if claim.parent_id is not None and state in TERMINAL:
        patiently(lambda: flow.join(claim.parent_id))  # type: ignore[arg-type]


def _traced_write(claim: Claim, settlement: Settlement, fan_out: FanOut | None) -> JobState:
    attributes = {"academy.job.outcome": settlement.outcome.value}
    if settlement.error_code:
        attributes["academy.job.code"] = settlement.error_code
    with tracing.span("job.settle", attributes) as span:
        state = patiently(lambda: _write(claim, settlement, fan_out))
        span.set({"academy.job.state": state.value})
        return state


def _write(claim: Claim, settlement: Settlement, fan_out: FanOut | None) -> JobState:
    spec = kinds.get(claim.kind)
    hook = spec.on_succeeded if settlement.state is JobState.SUCCEEDED else spec.on_ended
    if hook is None and fan_out is None:
        # One statement is one transaction already.
        return _fenced(claim, settlement)
    with transaction.atomic():
        state = _fenced(claim, settlement)
        if state is JobState.WAITING and fan_out is not None:
            flow.spawn(claim, fan_out.children, until_percent=fan_out.until_percent)
        elif state is JobState.SUCCEEDED and spec.on_succeeded is not None:
            spec.on_succeeded(Job.unscoped.get(pk=claim.job_id), settlement.result or {})
        elif state in TERMINAL:
            flow.ended(claim.job_id)
    return state


def _fenced(claim: Claim, settlement: Settlement) -> JobState:
    state = lease.settle(claim, settlement)
    if state is None:
        raise StaleAttemptError(f"job {claim.job_id} attempt {claim.attempt}")
    return state


_last_use = threading.local()


def _check_idle_connection() -> None:
    """Have a connection that may have died meanwhile looked at before its next use."""
    now = clock.monotonic()
    rested = now - getattr(_last_use, "at", now) > IDLE_SECONDS
    if rested and not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    _last_use.at = now


def patiently(act: Callable[[], T], *, patience: float | None = None) -> T:
    """Run a database step, again on a new connection when the database is away.

    The message stays invisible meanwhile, because the worker's heartbeat extends it. Raises the
    last error after ``patience`` seconds.
    """
    until = clock.monotonic() + (DATABASE_PATIENCE if patience is None else patience)
    wait = 0.2
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or clock.monotonic() + wait > until:
                # A transaction of the caller's is lost with its connection: only the caller can
                # begin it again.
                raise
            connection.close()
            logger.warning("database away (%s), next try in %.1f s", type(error).__name__, wait)
            time.sleep(wait)
            wait = min(wait * 2, 5.0)
