"""Requests are validated by these; answers are described by them and made in present.py."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.serializers import StrictCharField, StrictSerializer
from academy.fleet.services import REASON_CHARS
from academy.fleet.states import WorkerState

STATES = WorkerState.values


class PauseSerializer(StrictSerializer):
    """Why a queue is paused."""

    reason = StrictCharField(max_length=REASON_CHARS, help_text="Shown to whoever wonders.")


class DrainSerializer(StrictSerializer):
    """Why a worker is drained."""

    reason = StrictCharField(
        max_length=REASON_CHARS, required=False, default="", allow_blank=True,
        help_text="Kept in the log of actions.",
    )  # fmt: skip


class ActionListQuerySerializer(StrictSerializer):
    """Filters of the list; all must hold."""

    action = serializers.CharField(required=False, max_length=40, help_text="e.g. `queue.pause`")
    target = serializers.CharField(required=False, max_length=200, help_text="e.g. `video`")
    by = serializers.CharField(required=False, max_length=80, help_text="e.g. `user:17`")


# ------------------------------------------------------------------ answers


class SwitchSerializer(serializers.Serializer[Any]):
    """Who paused a queue, when and why."""

    at = serializers.DateTimeField()
    by = serializers.CharField()
    reason = serializers.CharField()


class DepthSerializer(serializers.Serializer[Any]):
    """What SQS says of a queue, at most 2 s ago; approximations, null where it said nothing."""

    ready = serializers.IntegerField(allow_null=True, help_text="Messages to be received.")
    in_flight = serializers.IntegerField(allow_null=True, help_text="Messages that workers hold.")
    delayed = serializers.IntegerField(allow_null=True)
    dead = serializers.IntegerField(allow_null=True, help_text="In the dead-letter queue.")
    oldest_seconds = serializers.IntegerField(
        allow_null=True, help_text="Age of the oldest message, where CloudWatch serves it."
    )
    problem = serializers.CharField(
        allow_null=True, help_text="The class of the error where SQS did not answer."
    )


class QueueSerializer(serializers.Serializer[Any]):
    """A queue; durations are seconds."""

    name = serializers.CharField()
    sqs_name = serializers.CharField()
    dlq_name = serializers.CharField()
    pool = serializers.CharField()
    concurrency = serializers.IntegerField(help_text="Of each worker.")
    host_kinds = serializers.ListField(child=serializers.CharField())
    visibility_seconds = serializers.IntegerField()
    max_receive_count = serializers.IntegerField()
    publish_window = serializers.IntegerField(help_text="Most messages kept waiting in SQS.")
    paused = SwitchSerializer(allow_null=True, help_text="Null while the queue runs.")
    depth = DepthSerializer()
    workers_alive = serializers.IntegerField()


class QueuesSerializer(serializers.Serializer[Any]):
    """All queues, in the order of the table."""

    items = QueueSerializer(many=True)


class QueueStateSerializer(serializers.Serializer[Any]):
    """A queue's switch."""

    name = serializers.CharField()
    paused = SwitchSerializer(allow_null=True, help_text="Null while the queue runs.")


class DrainAskedSerializer(serializers.Serializer[Any]):
    """Who asked a worker to drain, and when."""

    at = serializers.DateTimeField()
    by = serializers.CharField()


class WorkerSerializer(serializers.Serializer[Any]):
    """A worker, as it last reported."""

    name = serializers.CharField()
    queue = serializers.CharField()
    host = serializers.CharField()
    host_kind = serializers.CharField()
    pool = serializers.CharField()
    concurrency = serializers.IntegerField()
    release = serializers.CharField(allow_null=True)
    alive = serializers.BooleanField(help_text="It has reported within 30 s and has not stopped.")
    state = serializers.ChoiceField(STATES)
    held = serializers.IntegerField(help_text="Messages it holds: running or about to.")
    facts = serializers.DictField(help_text="Counters of the worker, e.g. `events_dropped`.")
    drain = DrainAskedSerializer(allow_null=True, help_text="Null unless it is asked to drain.")
    started_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    stopped_at = serializers.DateTimeField(allow_null=True)


class WorkersSerializer(serializers.Serializer[Any]):
    """The workers that were seen today, by queue and name."""

    items = WorkerSerializer(many=True)


class ActionSerializer(serializers.Serializer[Any]):
    """One thing that an operator did."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    by = serializers.CharField(help_text="`user:<id>`, or `command:<login>`.")
    action = serializers.CharField()
    target = serializers.CharField()
    reason = serializers.CharField()
    # A declared field is taken off the class, so it does not hide DRF's own attribute.
    data = serializers.DictField(help_text="By action.")  # type: ignore[assignment]
