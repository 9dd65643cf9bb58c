"""Rows of what has been counted, and how far."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

NAME_CHARS = 80


class MetricValue(models.Model):
    """One series of a counter, or of a level that steps move up and down."""

    name = models.CharField(max_length=NAME_CHARS)
    labels = models.JSONField()
    value = models.FloatField()

    class Meta:
        db_table = "metric_value"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="metric_value_once", fields=["name", "labels"])
        ]


class MetricBucket(models.Model):
    """One bucket of one series of a histogram, not cumulative: how many fell in, and their sum."""

    name = models.CharField(max_length=NAME_CHARS)
    labels = models.JSONField()
    bound = models.FloatField()
    """The bucket's upper bound, which belongs to it; infinity for the last."""
    count = models.BigIntegerField()
    total = models.FloatField()

    class Meta:
        db_table = "metric_bucket"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(name="metric_bucket_once", fields=["name", "labels", "bound"])
        ]


class EventTally(models.Model):
    """How far the event log is counted; one row, made by the first tally.

    Every event of a transaction below ``watermark`` is in the counters, and no other is.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    watermark = models.BigIntegerField()
    since = models.DateTimeField(null=True)
    """Set once the database was restored elsewhere: numbers of older events mean nothing here."""
    caught_up_at = models.DateTimeField(null=True)
    """What was committed before this moment is counted."""
    mark_tx = models.BigIntegerField(null=True)
    """Once the watermark is here, everything committed before ``mark_at`` is counted."""
    mark_at = models.DateTimeField(null=True)
    levelled_at = models.DateTimeField(null=True)
    """When the numbers of open jobs were last taken from the rows themselves."""

    class Meta:
        db_table = "event_tally"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="event_tally_single", condition=models.Q(id=1))
        ]


class EffectStep(models.Model):
    """One step in the ledger of effects that is not counted yet; written by the database's trigger.

    Counting deletes it.
    """

    id = models.BigAutoField(primary_key=True)
    job_id = models.UUIDField()
    state = models.CharField(max_length=8)

    class Meta:
        db_table = "effect_step"
