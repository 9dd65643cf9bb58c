"""Rows of the job core.

The rules that two processes could break live in the database: see ``migrations/0002_rules.py`` for
the transition trigger and the append-only event log.
"""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q

from academy.core.ids import new_id
from academy.jobs.states import TERMINAL, JobState, Outcome
from academy.tenants.scoping import TenantScopedModel

STEP_CHARS: Final = 48
ERROR_CODE_CHARS: Final = 64


def _choices(values: type[JobState | Outcome]) -> list[tuple[str, str]]:
    return [(value.value, value.value) for value in values]


_ENDED = Q(state__in=[state.value for state in sorted(TERMINAL)])


class Job(TenantScopedModel):
    """One piece of work: outbox, lease, fence, progress and record."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=64)
    kind_version = models.PositiveSmallIntegerField()
    queue = models.CharField(max_length=32)
    priority = models.SmallIntegerField(default=5)
    """0 first, 9 last; fairness between tenants comes before it."""
    params = models.JSONField()
    submitted_by = models.CharField(max_length=80)
    request_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=55, blank=True, db_default="")
    """W3C trace context of the submission; empty where it was not traced."""

    state = models.CharField(
        max_length=16, choices=_choices(JobState), default=JobState.QUEUED.value
    )
    version = models.PositiveIntegerField(default=1)
    """Counts the times the row was queued; a message for another version is stale."""
    event_seq = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField()
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    attempt = models.PositiveIntegerField(default=0)
    """The fence: every write of a worker names it."""
    failures = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=120, blank=True)
    cancel_requested_at = models.DateTimeField(null=True)

    phase = models.CharField(max_length=32, default="start")
    step = models.CharField(max_length=STEP_CHARS, blank=True)
    percent = models.FloatField(default=0.0)
    eta_seconds = models.FloatField(null=True)
    fan_out = models.JSONField(null=True)
    """Of the present or last fan-out: ``parts``, ``from`` and ``until`` in percent, ``since``."""
    checkpoint = models.JSONField(default=dict)

    result = models.JSONField(null=True)
    artifacts = models.JSONField(default=list)
    output_prefix = models.CharField(max_length=200, blank=True)
    """Prefix of the attempt whose output counts; empty until the job succeeded."""
    error_code = models.CharField(max_length=ERROR_CODE_CHARS, blank=True)
    error_params = models.JSONField(default=dict)

    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    child_key = models.CharField(max_length=64, blank=True)
    replay_of = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="replays"
    )
    escalation_of = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="escalations"
    )
    """The finished job whose doubtful results this one reads again with a better engine."""

    class Meta(TenantScopedModel.Meta):
        db_table = "job"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="job_state_known", condition=Q(state__in=[s.value for s in JobState])
            ),
            models.CheckConstraint(
                name="job_running_has_lease",
                condition=~Q(state="running") | Q(lease_until__isnull=False, attempt__gt=0),
            ),
            models.CheckConstraint(
                name="job_ended_has_time",
                condition=Q(_ENDED, finished_at__isnull=False)
                | Q(~_ENDED, finished_at__isnull=True),
            ),
            models.CheckConstraint(
                name="job_failure_says_why",
                condition=~Q(state__in=["failed", "dead"]) | ~Q(error_code=""),
            ),
            models.CheckConstraint(
                name="job_percent_in_range", condition=Q(percent__gte=0.0, percent__lte=100.0)
            ),
            models.CheckConstraint(
                name="job_priority_in_range", condition=Q(priority__range=(0, 9))
            ),
            models.CheckConstraint(
                name="job_child_has_key", condition=Q(parent__isnull=True) | ~Q(child_key="")
            ),
            models.UniqueConstraint(
                name="job_child_key_once",
                fields=["parent", "child_key"],
                condition=Q(parent__isnull=False),
            ),
            models.UniqueConstraint(
                name="job_escalated_once",
                fields=["escalation_of"],
                condition=Q(escalation_of__isnull=False)
                & ~Q(state__in=["failed", "dead", "cancelled"]),
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                "queue",
                "tenant",
                "priority",
                "created_at",
                "id",
                name="job_due",
                condition=Q(state="queued"),
            ),
            models.Index(
                "queue",
                "tenant",
                name="job_in_flight",
                condition=Q(state__in=["published", "running"]),
            ),
            models.Index("finished_at", "id", name="job_dead", condition=Q(state="dead")),
            models.Index("not_before", name="job_retry_due", condition=Q(state="retry_wait")),
            models.Index("id", name="job_waiting", condition=Q(state="waiting")),
            models.Index(
                "tenant",
                F("created_at").desc(),
                F("id").desc(),
                name="job_listing",
                condition=Q(parent__isnull=True),
            ),
            models.Index("tenant", "queue", "created_at", name="job_quota"),
            models.Index("tenant", "queue", name="job_open", condition=Q(finished_at__isnull=True)),
            models.Index(
                "queue",
                "state",
                "finished_at",
                name="job_ended",
                condition=Q(finished_at__isnull=False),
            ),
            models.Index(
                "parent",
                name="job_open_child",
                condition=Q(finished_at__isnull=True, parent__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} ({self.state})"


class JobAttempt(models.Model):
    """One claim of a job by one worker."""

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    phase = models.CharField(max_length=32)
    worker = models.CharField(max_length=120)
    host_kind = models.CharField(max_length=8)
    message_id = models.CharField(max_length=100, blank=True)
    receive_count = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, choices=_choices(Outcome), blank=True)
    error_code = models.CharField(max_length=ERROR_CODE_CHARS, blank=True)
    error_params = models.JSONField(default=dict)
    detail = models.TextField(blank=True)
    """The last lines of the traceback, masked; for operations, never shown to a tenant."""
    swept_at = models.DateTimeField(null=True)
    """When the output prefix of an attempt that lost was emptied."""

    class Meta:
        db_table = "job_attempt"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                "ended_at",
                name="job_attempt_unswept",
                condition=Q(swept_at__isnull=True, ended_at__isnull=False)
                & ~Q(outcome__in=["succeeded", "waiting"]),
            ),
            models.Index(
                "job",
                name="job_attempt_of_flow",
                condition=Q(swept_at__isnull=True, outcome="waiting"),
            ),
        ]


class JobEvent(models.Model):
    """What happened to a job, in order; written by the database's trigger, never changed."""

    pk = models.CompositePrimaryKey("job_id", "seq")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="events")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    type = models.CharField(max_length=24)
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16)
    attempt = models.PositiveIntegerField()
    data = models.JSONField(default=dict)
    tx = models.BigIntegerField(null=True, editable=False)
    """The transaction that wrote it, filled in by the database: every transaction below the oldest
    running one is over, so that a reader who remembers where it stopped misses and repeats none."""

    class Meta:
        db_table = "job_event"
        ordering: ClassVar[list[str]] = ["job_id", "seq"]


class JobLog(models.Model):
    """One line that an attempt logged, masked; bounded in number and length for each attempt."""

    pk = models.CompositePrimaryKey("job_id", "attempt", "seq")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="log_lines")
    attempt = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    level = models.CharField(max_length=8)
    logger = models.CharField(max_length=100)
    message = models.TextField()

    class Meta:
        db_table = "job_log"
        ordering: ClassVar[list[str]] = ["job_id", "attempt", "seq"]
        indexes: ClassVar[list[models.Index]] = [models.Index("at", name="job_log_age")]


class IdempotencyKey(TenantScopedModel):
    """The stored answer of a request that must not run twice."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    location = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta(TenantScopedModel.Meta):
        db_table = "idempotency_key"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="idempotency_key_once", fields=["tenant", "key"])
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index("created_at", name="idempotency_key_age")
        ]


class EffectState(models.TextChoices):
    """Planned, then sending; then sent or failed for good, or unknown until asked."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Effect(TenantScopedModel):
    """The ledger of what cannot be undone, such as a message to a parent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="effects")
    key = models.CharField(max_length=200)
    """The occurrence: a second plan with the same key finds the first."""
    state = models.CharField(
        max_length=8, choices=EffectState.choices, default=EffectState.PLANNED.value
    )
    attempt = models.PositiveIntegerField()
    provider_reference = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=ERROR_CODE_CHARS, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta(TenantScopedModel.Meta):
        db_table = "effect"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="effect_once", fields=["tenant", "key"]),
            models.CheckConstraint(
                name="effect_state_known", condition=Q(state__in=EffectState.values)
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                "updated_at", name="effect_open", condition=Q(state__in=["sending", "unknown"])
            )
        ]
