"""The ledger of what cannot be undone: one batch, handed over to a provider exactly once.

``sending`` is committed before the one call that sends. A crash or a lost answer leaves the batch
there, and whoever comes next asks the provider by the handle: nothing is ever sent again blindly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from academy.core import clock
from academy.core.crash import crash_point
from academy.jobs.context import JobContext
from academy.jobs.errors import TransientError
from academy.messaging import codes, fence, results
from academy.messaging.content import opened
from academy.messaging.fields import BatchState, Channel, MessageState, MessageType
from academy.messaging.models import DETAIL_CHARS, Batch, Campaign, Message, Policy
from academy.messaging.phones import open_phone
from academy.messaging.providers.port import (
    Ambiguous,
    Fallback,
    Lookup,
    Misconfigured,
    OutBatch,
    Outgoing,
    Progress,
    Provider,
    ProviderError,
    Rejected,
    Retryable,
    Status,
)
from academy.messaging.results import Change

_SENT_OR_SENDING: Final = frozenset({Progress.SENDING, Progress.COMPLETE})
_UNDECIDED: Final = [MessageState.SENDING.value, MessageState.UNKNOWN.value]


def advance(
    context: JobContext[Any], batch: Batch, provider: Provider, *, again: bool = True
) -> BatchState:
    """Take a batch as far as it goes: sent, failed, or unknown.

    Raises TransientError where the provider cannot be reached and nothing was sent, and
    JobStopped where another attempt has the job.
    """
    if batch.state in (BatchState.SENDING, BatchState.UNKNOWN):
        return resolve(context, batch, provider, again=again)
    try:
        if batch.state == BatchState.PLANNED:
            _prepare(context, batch, provider)
        if batch.state == BatchState.PREPARED:
            _commit(context, batch, provider)
    except Rejected as error:
        fail(context, batch, error)
    except (Retryable, Misconfigured) as error:
        _unreached(context, batch, error)
    except Ambiguous:
        return resolve(context, batch, provider, again=again)
    return BatchState(batch.state)


def resolve(
    context: JobContext[Any], batch: Batch, provider: Provider, *, again: bool = True
) -> BatchState:
    """Ask the provider what became of a batch, and go on from there.

    ``again``: where it was not told to send, tell it once more.
    """
    try:
        seen = provider.lookup(batch.handle)
    except ProviderError as error:
        context.log.warning("batch %s: the provider cannot say yet: %s", batch.pk, error.code)
        _doubt(context, batch, error)
        return BatchState(batch.state)
    if seen.progress in _SENT_OR_SENDING:
        _take(context, batch, seen)
    elif seen.progress is Progress.WAITING and again:
        # It has the messages and was never told to send: telling it once more is safe.
        _move(context, batch, BatchState.PREPARED)
        return advance(context, batch, provider, again=False)
    elif seen.progress is Progress.WAITING:
        # It goes on losing the answer: somebody else asks later.
        _doubt(context, batch, ProviderError("provider_answer_lost"))
    else:
        # The handle was stored before anything was sent: what is not there was not sent.
        give_back(context, batch, "provider_never_had_it")
    return BatchState(batch.state)


def fail(context: JobContext[Any], batch: Batch, error: ProviderError) -> None:
    """The provider said no for good: every message of the batch has failed, and says so."""
    reason = codes.reason_of(batch.provider, error.detail) or error.code
    with transaction.atomic():
        _move(context, batch, BatchState.FAILED, error)
        _settle_rest(context, batch, MessageState.FAILED, reason, error.detail)


def give_back(context: JobContext[Any], batch: Batch, code: str) -> None:
    """Nothing of the batch was sent: its messages wait again, for another batch."""
    with transaction.atomic():
        _move(context, batch, BatchState.FAILED, ProviderError(code))
        _settle_rest(context, batch, MessageState.QUEUED, "", "")


def _prepare(context: JobContext[Any], batch: Batch, provider: Provider) -> None:
    made = provider.prepare(outgoing(batch))
    crash_point("messages.prepared")
    with transaction.atomic():
        batch.handle = made.handle
        _move(context, batch, BatchState.PREPARED)
        _apply(context, batch, made.refused, "provider")


def _commit(context: JobContext[Any], batch: Batch, provider: Provider) -> None:
    out = outgoing(batch)
    if not out.messages:
        # All were turned away when they were handed over.
        _move(context, batch, BatchState.SENT)
        return
    _move(context, batch, BatchState.SENDING)
    crash_point("messages.sending")
    statuses = provider.commit(batch.handle, out)
    crash_point("messages.answered")
    _take(context, batch, Lookup(Progress.SENDING, statuses))


def _take(context: JobContext[Any], batch: Batch, seen: Lookup) -> None:
    """The batch was sent. What the provider does not name it has taken."""
    with transaction.atomic():
        _move(context, batch, BatchState.SENT)
        _apply(context, batch, seen.statuses, "provider")
        _settle_rest(context, batch, MessageState.SENT, "", "")


def _unreached(context: JobContext[Any], batch: Batch, error: ProviderError) -> None:
    """Nothing was sent: later, by the same batch."""
    if batch.state == BatchState.SENDING:
        _move(context, batch, BatchState.PREPARED, error)
    raise TransientError(error.code, retry_after=error.retry_after) from error


def _doubt(context: JobContext[Any], batch: Batch, error: ProviderError) -> None:
    with transaction.atomic():
        _move(context, batch, BatchState.UNKNOWN, error)
        _settle_rest(context, batch, MessageState.UNKNOWN, "provider_answer_lost", "")


def _move(
    context: JobContext[Any],
    batch: Batch,
    state: BatchState,
    error: ProviderError | None = None,
) -> None:
    """Write the batch's state, fenced by the attempt that holds its job."""
    batch.state = state.value
    batch.job_id, batch.attempt = context.job_id, context.attempt
    batch.error_code = error.code if error is not None else ""
    batch.error_detail = error.detail[:DETAIL_CHARS] if error is not None else ""
    batch.updated_at = batch.asked_at = clock.now()
    with transaction.atomic():
        fence.hold(context)
        batch.save(
            update_fields=[
                "state", "handle", "job", "attempt", "error_code", "error_detail", "asked_at",
                "updated_at",
            ]
        )  # fmt: skip


def _apply(context: JobContext[Any], batch: Batch, statuses: Sequence[Status], source: str) -> None:
    asked = dict(
        Message.objects.for_tenant(batch.tenant_id).filter(batch=batch).values_list("pk", "type")
    )
    changes = [
        results.of_status(
            status,
            MessageType(asked[UUID(status.key)]),
            codes.reason_of(batch.provider, status.code) or "provider_rejected",
        )
        for status in statuses
        if UUID(status.key) in asked
    ]
    results.apply(
        tenant_id=context.tenant_id,
        campaign_id=batch.campaign_id,
        changes=changes,
        source=source,
    )


def _settle_rest(
    context: JobContext[Any], batch: Batch, state: MessageState, reason: str, detail: str
) -> None:
    """One state for every message of the batch that nothing else was said of."""
    rest = Message.objects.for_tenant(batch.tenant_id).filter(batch=batch, state__in=_UNDECIDED)
    params = {"code": detail} if detail else {}
    results.apply(
        tenant_id=context.tenant_id,
        campaign_id=batch.campaign_id,
        changes=[
            Change(message, state, reason, params, provider_code=detail[:64])
            for message in rest.values_list("pk", flat=True)
        ],
        source="provider",
    )


def outgoing(batch: Batch) -> OutBatch:
    """The batch as the provider gets it: what of it is still to be sent."""
    tenant_id = batch.tenant_id
    campaign = Campaign.objects.for_tenant(tenant_id).get(pk=batch.campaign_id)
    policy = Policy.objects.for_tenant(tenant_id).first()
    channel = policy.channel if policy is not None else ""
    rows = Message.objects.for_tenant(tenant_id).filter(
        batch=batch, state__in=_UNDECIDED, phone__isnull=False, content__isnull=False
    )
    return OutBatch(
        key=str(batch.pk),
        messages=[_outgoing(row, campaign, channel) for row in rows.order_by("number")],
    )


def _outgoing(row: Message, campaign: Campaign, channel: str) -> Outgoing:
    assert row.phone is not None
    assert row.content is not None
    content = opened(row.tenant_id, row.content)
    kakao = campaign.channel == Channel.ALIMTALK
    fallback = (
        Fallback(content.fallback_text, content.fallback_subject) if content.fallback_text else None
    )
    return Outgoing(
        key=str(row.pk),
        type=MessageType(row.type),
        to=open_phone(row.tenant_id, row.phone),
        sender=campaign.sender,
        text=content.text,
        subject=content.subject,
        channel=channel if kakao else "",
        template=content.template,
        variables=content.variables,
        fallback=fallback,
        ad=campaign.purpose == "ad",
    )
