"""What a job or an academy has spent on language models, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from pydantic import Field

from academy.ai.language import configuration, ledger, money
from academy.ai.language.models import Call, CallState
from academy.core import clock
from academy.documents.schema import Published
from academy.video.usage import month_of


class Spent(Published):
    """What the calls of a job cost, by the prices that were configured at the time."""

    calls: int = Field(description="Those that were made, and those that were lost.")
    lost: int = Field(description="Calls whose answer never came; they may be charged.")
    tokens_read: int
    tokens_written: int
    seconds: float = Field(description="Of sound.")
    currency: str
    amount: str = Field(description="A decimal number.")


def spent_by(job_ids: list[UUID], tenant_id: UUID) -> dict[str, Any]:
    """What some jobs have spent, as `Spent`."""
    calls = Call.objects.for_tenant(tenant_id).filter(job_id__in=job_ids)
    return Spent(**_sums(calls)).model_dump(mode="json")


def _sums(calls: Any) -> dict[str, Any]:
    found = calls.aggregate(
        calls=Count("pk", filter=~Q(state=CallState.FREE.value)),
        lost=Count("pk", filter=Q(state=CallState.LOST.value)),
        tokens_read=Sum("tokens_read"),
        tokens_written=Sum("tokens_written"),
        seconds=Sum("seconds", filter=~Q(state=CallState.FREE.value)),
        amount=Sum("cost_micro"),
    )
    return {
        "calls": found["calls"],
        "lost": found["lost"],
        "tokens_read": found["tokens_read"] or 0,
        "tokens_written": found["tokens_written"] or 0,
        "seconds": round(found["seconds"] or 0.0, 3),
        "currency": configuration.language().currency,
        "amount": money.shown(found["amount"] or 0),
    }


@dataclass(frozen=True)
class MonthOfModel:
    """What one model cost an academy this month."""

    service: str
    model: str
    sums: dict[str, Any]


@dataclass(frozen=True)
class Month:
    """An academy's month so far."""

    begins_at: datetime
    ends_at: datetime
    currency: str
    room: ledger.Room
    open_micro: int
    """Of what counts as spent: reserved by calls that are under way, or never came back."""
    models: list[MonthOfModel]


def month_of_tenant(tenant_id: UUID) -> Month:
    """What a tenant has spent in the present month."""
    begins, ends = month_of(clock.now())
    currency = configuration.language().currency
    calls = Call.objects.for_tenant(tenant_id).filter(created_at__gte=begins, currency=currency)
    unsettled = calls.filter(state__in=[CallState.RESERVED.value, CallState.LOST.value])
    own, _ = ledger.rooms(tenant_id)
    named = calls.order_by("service", "model").values_list("service", "model").distinct()
    return Month(
        begins_at=begins,
        ends_at=ends,
        currency=currency,
        room=own,
        open_micro=unsettled.aggregate(total=Sum("cost_micro"))["total"] or 0,
        models=[
            MonthOfModel(service, model, _sums(calls.filter(service=service, model=model)))
            for service, model in named
        ],
    )
