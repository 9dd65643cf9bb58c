"""The ledger of calls that cost money, and the state of the services that are called."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from academy.core import clock
from academy.core.ids import new_id
from academy.jobs.models import Job
from academy.tenants.scoping import TenantScopedModel


class ServiceName(models.TextChoices):
    """What is called."""

    CHAT = "chat"
    SPEECH = "speech"


class CallState(models.TextChoices):
    """Where a call is. A crash leaves it reserved, and it is counted as if it had been made."""

    RESERVED = "reserved"
    """Under way, or its process died: the most that it can cost is counted."""
    SETTLED = "settled"
    """Answered: what it cost is counted."""
    FREE = "free"
    """The service cannot have worked for it: nothing is counted."""
    LOST = "lost"
    """Whether it was made is not known, and never will be: the most that it can cost is counted."""


class Call(TenantScopedModel):
    """One call of a model. Written before the call, so that nothing is spent unseen."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")
    attempt = models.PositiveIntegerField()
    service = models.CharField(max_length=8, choices=ServiceName.choices)
    model = models.CharField(max_length=100)
    purpose = models.CharField(max_length=64)
    """What of the job it was for, such as ``question-3``; a second call for it is a second row."""
    state = models.CharField(
        max_length=8, choices=CallState.choices, default=CallState.RESERVED.value
    )
    currency = models.CharField(max_length=3)
    reserved_micro = models.BigIntegerField()
    """The most that it can cost, in micro-units of the currency."""
    cost_micro = models.BigIntegerField()
    """What counts against the budgets: the reservation until more is known."""
    tokens_read = models.PositiveIntegerField(null=True)
    tokens_written = models.PositiveIntegerField(null=True)
    seconds = models.FloatField(null=True)
    """Of sound."""
    disputed = models.BooleanField(default=False)
    """The service said nothing of the cost that can be true: the reservation is counted."""
    provider_id = models.CharField(max_length=100, blank=True)
    """The service's own name for the request, to ask it about."""
    problem = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantScopedModel.Meta):
        db_table = "language_call"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="language_call_state_known", condition=Q(state__in=CallState.values)
            ),
            models.CheckConstraint(
                name="language_call_cost",
                condition=Q(reserved_micro__gte=0, cost_micro__gte=0),
            ),
            models.CheckConstraint(
                name="language_call_free", condition=~Q(state="free") | Q(cost_micro=0)
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                "currency", "created_at", name="language_call_month", include=["cost_micro"]
            ),
            models.Index("tenant", "currency", F("created_at").desc(), name="language_call_tenant"),
            models.Index("job", "purpose", name="language_call_job"),
            models.Index("created_at", name="language_call_open", condition=Q(state="reserved")),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.purpose} ({self.state})"


class Breaker(models.Model):
    """One service's circuit breaker, shared by every process."""

    service = models.CharField(primary_key=True, max_length=8, choices=ServiceName.choices)
    failures = models.PositiveIntegerField(default=0)
    """In a row."""
    cooldown_seconds = models.FloatField(default=0.0)
    open_until = models.DateTimeField(null=True)
    """Null: closed. In the past: the next call is a probe."""
    probe_until = models.DateTimeField(null=True)
    """Somebody tries it at the moment, and has until then."""

    class Meta:
        db_table = "language_breaker"

    def __str__(self) -> str:
        return f"{self.service}: {self.failures} failures"
