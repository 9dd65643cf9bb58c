"""What the API takes and shows of the deep check."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.openapi import TextSerializer
from academy.core.http.serializers import StrictCharField, StrictSerializer
from academy.ops.deep import check
from academy.ops.deep.report import Link, Status, Verdict

_STATUS = [status.value for status in Status]
_LINK = [link.value for link in Link]


class _StrictFloatField(serializers.FloatField):
    """A JSON number; DRF's own field also takes "12" and true."""

    def to_internal_value(self, data: Any) -> float:
        """Accept a number and nothing else."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(data)


class DeepCheckOrderSerializer(StrictSerializer):
    """What to check."""

    queues = serializers.ListField(
        child=StrictCharField(max_length=32),
        default=list,
        max_length=20,
        help_text="Only these; all where it is empty.",
    )
    timeout_seconds = _StrictFloatField(
        default=check.DEFAULT_SECONDS,
        min_value=check.SECONDS_RANGE[0],
        max_value=check.SECONDS_RANGE[1],
        help_text="How long the jobs are given.",
    )


class _FoundSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(_STATUS)
    finding = serializers.CharField(help_text="Stable, snake_case.")
    facts = serializers.DictField(help_text="Parameters of the finding.")
    message = TextSerializer(help_text="What was found.")
    action = TextSerializer(help_text="What to do; empty where there is nothing to do.")
    runbook = serializers.CharField(
        allow_blank=True, help_text="The page to go on with, in the repository."
    )


class PartSerializer(_FoundSerializer):
    """A part that was asked directly."""

    name = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True, help_text="Null: it never answered.")


class QueueCheckSerializer(_FoundSerializer):
    """How far the job of one queue got."""

    queue = serializers.CharField()
    reached = serializers.ChoiceField(
        _LINK, allow_null=True, help_text="The furthest link; null where no job was sent."
    )
    took = serializers.DictField(
        child=serializers.FloatField(),
        help_text="Seconds that each link needed after the one before it.",
    )
    job = serializers.UUIDField(allow_null=True)


class DeepCheckSerializer(serializers.Serializer[Any]):
    """A deep check."""

    id = serializers.UUIDField()
    verdict = serializers.ChoiceField([verdict.value for verdict in Verdict])
    started_at = serializers.DateTimeField()
    deadline_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    parts = PartSerializer(many=True)
    queues = QueueCheckSerializer(many=True)
