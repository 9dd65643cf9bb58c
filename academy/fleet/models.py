"""Switches of queues and workers, who is at work, and who asked for what.

The switches are rows, because SQS has no remote control: the relay and every worker read them.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from academy.core.ids import new_id
from academy.fleet.states import WorkerState


class QueueSwitch(models.Model):
    """A queue that somebody paused: nothing is published on it and nobody starts work from it.

    A queue without a row runs.
    """

    queue = models.CharField(max_length=32, primary_key=True)
    paused_at = models.DateTimeField()
    paused_by = models.CharField(max_length=80)
    reason = models.CharField(max_length=200)

    class Meta:
        db_table = "queue_switch"

    def __str__(self) -> str:
        return f"{self.queue} (paused)"


class Worker(models.Model):
    """One worker process (Celery's parent) and its own report; a dead one only stops reporting."""

    name = models.CharField(max_length=120, primary_key=True)
    """Celery's node name, ``video@host``."""
    life = models.UUIDField(default=new_id, editable=False)
    """Which process of that name, from its start to its end; the younger one's is greater."""
    queue = models.CharField(max_length=32)
    host = models.CharField(max_length=100)
    host_kind = models.CharField(max_length=8)
    pool = models.CharField(max_length=16)
    concurrency = models.PositiveIntegerField()
    release = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=8, choices=WorkerState.choices)
    held = models.PositiveIntegerField(default=0)
    """Messages it holds: running or about to."""
    facts = models.JSONField(default=dict)
    """Counters and what else it reports, e.g. ``events_dropped``; keys are stable, values numbers
    or short texts."""
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    drain_asked_at = models.DateTimeField(null=True)
    drain_asked_by = models.CharField(max_length=80, blank=True)

    class Meta:
        db_table = "worker"
        ordering: ClassVar[list[str]] = ["queue", "name"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index("queue", "seen_at", name="worker_alive", condition=~Q(state="stopped"))
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="worker_state_known", condition=Q(state__in=WorkerState.values)
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"


class OperatorAction(models.Model):
    """One thing that a person of the platform did: who, what, to what, why. Never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField()
    by = models.CharField(max_length=80)
    """A principal's name, ``user:17``, or ``command:<login>``; never a person's name."""
    action = models.CharField(max_length=40)
    """``queue.pause``, ``worker.drain``, ``job.cancel``, ``dead_letter.replay`` ..."""
    target = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        db_table = "operator_action"
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index("target", "at", name="operator_action_target"),
            models.Index("at", name="operator_action_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
