"""The ledger: what may be spent is reserved before a call, and settled with what it cost.

A call that never came back keeps its reservation, so that a crash costs the budget the most that
the call can have cost, and nothing is spent unseen. Whoever calls again pays again, in a row of its
own: these services have no way to ask what became of a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Sum

from academy.ai.language import configuration, money
from academy.ai.language.models import Call, CallState, ServiceName
from academy.ai.language.ports import Tokens
from academy.core import clock
from academy.core.errors import AppError
from academy.core.locks import Space, lock
from academy.jobs.context import JobContext
from academy.jobs.errors import JobStopped, PermanentError, StopReason
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.video.usage import month_of

LOST_AFTER: Final = timedelta(hours=1)
_PROBLEM_CHARS: Final = 100
_MINE: Final = """
SELECT FROM job WHERE id = %s AND attempt = %s AND state = 'running' FOR SHARE
"""


@dataclass(frozen=True)
class Planned:
    """A call to be made: what it is for, and the most that it can cost."""

    service: ServiceName
    model: str
    purpose: str
    most_micro: int
    seconds: float | None = None


@dataclass(frozen=True)
class Charged:
    """What a call cost; ``cost_micro`` None: nobody can say, and the reservation is counted."""

    cost_micro: int | None
    tokens: Tokens | None = None
    provider_id: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Room:
    """A budget of this month in micro-units: of one academy, or of all."""

    limit: int
    spent: int

    @property
    def left(self) -> int:
        """What may still be spent."""
        return max(0, self.limit - self.spent)


def reserve(context: JobContext[Any], planned: Planned) -> Call:
    """Enter a call that is about to be made.

    Raises PermanentError ``language_budget_spent`` or ``language_budget_spent_by_all``, and
    JobStopped where another attempt has the job.
    """
    with transaction.atomic():
        lock(Space.BUDGET, "language")
        with connection.cursor() as cursor:
            cursor.execute(_MINE, [context.job_id, context.attempt])
            if cursor.fetchone() is None:
                raise JobStopped(StopReason.LEASE_LOST)
        _give_up_earlier(context, planned)
        if (spent := _refusal(context.tenant_id, planned.most_micro)) is not None:
            raise PermanentError(spent.code, **spent.params)
        return Call.objects.for_tenant(context.tenant_id).create(
            job_id=context.job_id,
            attempt=context.attempt,
            service=planned.service.value,
            model=planned.model,
            purpose=planned.purpose,
            currency=configuration.language().currency,
            reserved_micro=planned.most_micro,
            cost_micro=planned.most_micro,
            seconds=planned.seconds,
        )


def settle(call: Call, charged: Charged) -> None:
    """Enter what a call cost. Whoever made it does, also when another attempt has the job now."""
    cost = call.reserved_micro if charged.cost_micro is None else charged.cost_micro
    _end(
        call,
        CallState.SETTLED,
        cost_micro=cost,
        disputed=charged.cost_micro is None,
        tokens_read=charged.tokens and charged.tokens.read,
        tokens_written=charged.tokens and charged.tokens.written,
        provider_id=charged.provider_id,
        problem=charged.problem[:_PROBLEM_CHARS],
    )


def release(call: Call, problem: str, *, provider_id: str = "") -> None:
    """The service cannot have worked for it: nothing is counted."""
    _end(
        call,
        CallState.FREE,
        cost_micro=0,
        problem=problem[:_PROBLEM_CHARS],
        provider_id=provider_id,
    )


def lose(call: Call, problem: str, *, provider_id: str = "") -> None:
    """Nobody knows whether it was made: the reservation stays."""
    _end(call, CallState.LOST, problem=problem[:_PROBLEM_CHARS], provider_id=provider_id)


def _end(call: Call, state: CallState, **fields: Any) -> None:
    unsettled = [CallState.RESERVED.value, CallState.LOST.value]
    Call.objects.for_tenant(call.tenant_id).filter(pk=call.pk, state__in=unsettled).update(
        state=state.value, ended_at=clock.now(), **fields
    )


def _give_up_earlier(context: JobContext[Any], planned: Planned) -> None:
    """What an earlier attempt reserved for the same purpose never came back."""
    Call.objects.for_tenant(context.tenant_id).filter(
        job_id=context.job_id,
        purpose=planned.purpose,
        attempt__lt=context.attempt,
        state=CallState.RESERVED.value,
    ).update(state=CallState.LOST.value, ended_at=clock.now())


def _refusal(tenant_id: UUID, most_micro: int) -> AppError | None:
    """Why a call has no room; what all academies have spent together is nobody's business."""
    own, of_all = rooms(tenant_id)
    if most_micro > own.left:
        return AppError(
            "language_budget_spent",
            limit=money.shown(own.limit),
            left=money.shown(own.left),
            currency=configuration.language().currency,
        )
    return AppError("language_budget_spent_by_all") if most_micro > of_all.left else None


def rooms(tenant_id: UUID) -> tuple[Room, Room]:
    """The academy's budget and the platform's, with what this month has spent."""
    configured = configuration.language()
    begins, _ = month_of(clock.now())
    month = Call.unscoped.filter(currency=configured.currency, created_at__gte=begins)
    return (
        Room(money.micro(configured.tenant_budget), _sum(month.filter(tenant_id=tenant_id))),
        Room(money.micro(configured.platform_budget), _sum(month)),
    )


def _sum(calls: Any) -> int:
    return int(calls.aggregate(total=Sum("cost_micro"))["total"] or 0)


def check(tenant_id: UUID, service: ServiceName) -> None:
    """For submissions: whether there is such a model, and something left to spend.

    Raises AppError: model_not_configured, language_budget_spent, language_budget_spent_by_all.
    """
    if configuration.of(service) is None:
        raise AppError("model_not_configured", model=configuration.VARIABLES[service])
    if (spent := _refusal(tenant_id, 1)) is not None:
        raise spent


def require(tenant_id: UUID, most_micro: int) -> None:
    """For handlers that begin something large. Raises PermanentError as `reserve` does."""
    if (spent := _refusal(tenant_id, most_micro)) is not None:
        raise PermanentError(spent.code, **spent.params)


def sweep() -> int:
    """Mark as lost what was reserved by processes that are long gone; returns how many."""
    at_work = Job.unscoped.filter(
        pk=OuterRef("job_id"), attempt=OuterRef("attempt"), state=JobState.RUNNING.value
    )
    gone = Call.unscoped.filter(
        ~Exists(at_work),
        state=CallState.RESERVED.value,
        created_at__lt=clock.now() - LOST_AFTER,
    )
    return gone.update(state=CallState.LOST.value, ended_at=clock.now())
