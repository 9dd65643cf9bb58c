"""The ledger of effects that cannot be undone.

``sending`` is committed before the call. A crash or a lost answer leaves it there, and the next
attempt asks the provider what became of it: nothing is ever sent again blindly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from academy.core import clock
from academy.core.crash import crash_point
from academy.core.ids import new_id
from academy.jobs.context import JobContext
from academy.jobs.errors import JobStopped, StopReason, TransientError
from academy.jobs.models import Effect, EffectState


@dataclass(frozen=True)
class Sent:
    """The provider took it."""

    reference: str


@dataclass(frozen=True)
class Refused:
    """The provider said no, for good."""

    code: str


@dataclass(frozen=True)
class NeverArrived:
    """The provider is sure that it never saw this key."""


Send = Callable[[str], Sent | Refused]
"""Called with the effect's id as the provider's idempotency key; any exception means unknown."""
Ask = Callable[[str], Sent | Refused | NeverArrived]
"""What became of this key? An exception means that the provider cannot say yet."""


def perform(context: JobContext[Any], key: str, *, send: Send, ask: Ask) -> Effect:
    """Have the effect exactly once and return its row: sent or failed.

    Raises `TransientError` effect_unknown while the provider cannot say, and `JobStopped` when
    another attempt holds the job.
    """
    effect = _plan(context, key)
    if effect.state in (EffectState.SENT, EffectState.FAILED):
        return effect
    if effect.state in (EffectState.SENDING, EffectState.UNKNOWN):
        if _somebody_else_is_at_it(context, effect):
            raise TransientError("effect_unknown", effect=str(effect.pk))
        answer = _attempt(context, effect, ask)
        if not isinstance(answer, NeverArrived):
            return _record(context, effect, answer)
    _move(context, effect, EffectState.SENDING)
    crash_point("effect.sending")
    sent = _attempt(context, effect, send)
    crash_point("effect.answered")
    return _record(context, effect, sent)


def _plan(context: JobContext[Any], key: str) -> Effect:
    now = clock.now()
    effects = Effect.objects.for_tenant(context.tenant_id)
    effects.bulk_create(
        [
            Effect(
                id=new_id(),
                tenant_id=context.tenant_id,
                job_id=context.job_id,
                key=key,
                attempt=context.attempt,
                created_at=now,
                updated_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    return effects.get(key=key)


def _attempt(context: JobContext[Any], effect: Effect, call: Callable[[str], Any]) -> Any:
    try:
        return call(str(effect.pk))
    except Exception as error:
        _move(context, effect, EffectState.UNKNOWN)
        raise TransientError("effect_unknown", effect=str(effect.pk)) from error


def _record(context: JobContext[Any], effect: Effect, answer: Sent | Refused) -> Effect:
    if isinstance(answer, Sent):
        effect.provider_reference = answer.reference
        _move(context, effect, EffectState.SENT)
    else:
        effect.error_code = answer.code
        _move(context, effect, EffectState.FAILED)
    return effect


_LIVE = """
SELECT EXISTS (
    SELECT FROM effect JOIN job ON job.id = effect.job_id AND job.attempt = effect.attempt
    WHERE effect.id = %s AND (job.id, job.attempt) <> (%s, %s)
      AND job.state = 'running' AND job.lease_until > clock_timestamp()
)
"""


def _somebody_else_is_at_it(context: JobContext[Any], effect: Effect) -> bool:
    # Another job with the same occurrence may be between asking and sending at this moment, and
    # the provider would truly say that nothing has arrived yet.
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, [effect.pk, context.job_id, context.attempt])
        return bool(cursor.fetchone()[0])


# The row moves only while this attempt holds the job, and only from where it was read.
_MOVE = """
UPDATE effect SET state = %(state)s, job_id = %(job)s, attempt = %(attempt)s,
    provider_reference = %(reference)s, error_code = %(code)s, updated_at = clock_timestamp()
WHERE id = %(effect)s
  AND state = %(was)s AND job_id = %(was_job)s AND attempt = %(was_attempt)s AND EXISTS (
    SELECT FROM job WHERE id = %(job)s AND attempt = %(attempt)s AND state = 'running'
    FOR SHARE
)
"""


_STILL_MINE = "SELECT FROM job WHERE id = %s AND attempt = %s AND state = 'running'"


def _move(context: JobContext[Any], effect: Effect, state: EffectState) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE,
            {
                "state": state.value,
                "was": effect.state,
                "was_job": effect.job_id,
                "was_attempt": effect.attempt,
                "attempt": context.attempt,
                "reference": effect.provider_reference,
                "code": effect.error_code,
                "effect": effect.pk,
                "job": context.job_id,
            },
        )
        if not cursor.rowcount:
            cursor.execute(_STILL_MINE, [context.job_id, context.attempt])
            if cursor.fetchone() is None:
                raise JobStopped(StopReason.LEASE_LOST)
            # Another job with the same occurrence was faster.
            raise TransientError("effect_unknown", effect=str(effect.pk))
    effect.state = state.value
    effect.job_id = context.job_id
    effect.attempt = context.attempt


def unsettled(*, tenant_id: UUID) -> int:
    """How many effects of a tenant nobody knows the end of."""
    open_states = [EffectState.SENDING.value, EffectState.UNKNOWN.value]
    return Effect.objects.for_tenant(tenant_id).filter(state__in=open_states).count()
