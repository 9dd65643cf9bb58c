"""Requests are validated by these; answers are only described by them (see present.py)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rest_framework import serializers

from academy.core import clock
from academy.core.http.openapi import ErrorDetailSerializer
from academy.core.http.serializers import StrictCharField, StrictIntegerField, StrictSerializer
from academy.jobs.api.stream import LARGEST_SEQ
from academy.jobs.states import JobState, Outcome
from academy.jobs.submit import BATCH_LIMIT, Order
from academy.tenants.plans import PLANS

LONGEST_DELAY: Final = timedelta(days=30)
STATES: Final = [state.value for state in JobState]
QUEUES: Final = sorted(PLANS["start"].limits)


# ------------------------------------------------------------------ requests


class JobOrderSerializer(StrictSerializer):
    """One job to submit."""

    kind = StrictCharField(max_length=64, help_text="One of `GET /kinds`.")
    params = serializers.DictField(
        required=False, default=dict, help_text="What the kind asks for."
    )
    priority = StrictIntegerField(
        required=False,
        default=5,
        min_value=0,
        max_value=9,
        help_text="Among your own jobs on the queue: 0 first, 9 last.",
    )
    not_before = serializers.DateTimeField(
        required=False,
        allow_null=True,
        default=None,
        default_timezone=UTC,
        help_text="Do not start earlier; at most 30 days ahead.",
    )

    def validate_not_before(self, moment: datetime | None) -> datetime | None:
        """Refuse a moment so far ahead that nobody could mean it."""
        if moment is not None and moment > clock.now() + LONGEST_DELAY:
            raise serializers.ValidationError("At most 30 days ahead.", code="max_value")
        return moment


class JobBatchSerializer(StrictSerializer):
    """Jobs to submit together: all are accepted, or none."""

    jobs = serializers.ListField(child=JobOrderSerializer(), min_length=1, max_length=BATCH_LIMIT)


class JobReplaySerializer(StrictSerializer):
    """What to change in the new run; leave `params` out to use the old ones."""

    params = serializers.DictField(required=False)


class JobListQuerySerializer(StrictSerializer):
    """Filters of the list; all must hold."""

    state = serializers.ListField(
        child=serializers.ChoiceField(STATES),
        required=False,
        default=list,
        max_length=len(STATES),
        help_text="Repeat it for several states.",
    )
    kind = serializers.CharField(required=False, max_length=64)
    queue = serializers.ChoiceField(QUEUES, required=False)
    # A declared field is taken off the class, so it does not hide DRF's own attribute.
    parent = serializers.UUIDField(  # type: ignore[assignment]
        required=False, help_text="The children of this job; without it, jobs without parent."
    )


class JobQuerySerializer(StrictSerializer):
    """What to show beyond the job itself."""

    expand = serializers.ListField(
        child=serializers.ChoiceField(["attempts"]), required=False, default=list, max_length=1
    )


class EventsQuerySerializer(StrictSerializer):
    """Where to begin."""

    after = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=LARGEST_SEQ,
        help_text="Only events with a higher number.",
    )


def order_of(data: dict[str, Any]) -> Order:
    """The service's view of a validated order."""
    return Order(
        kind=data["kind"],
        params=data["params"],
        priority=data["priority"],
        not_before=data["not_before"],
    )


# ------------------------------------------------------------------ answers


class SelfLinkSerializer(serializers.Serializer[Any]):
    """Where the job is."""

    self = serializers.CharField()


class LinksSerializer(SelfLinkSerializer):
    """Addresses around a job."""

    events = serializers.CharField()
    attempts = serializers.CharField()
    children = serializers.CharField()


class ArtifactSerializer(serializers.Serializer[Any]):
    """An object that the job made."""

    name = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField(allow_null=True, help_text="Hex.")
    url = serializers.CharField(
        allow_null=True, help_text="Signed when this answer was made; null: deleted by now."
    )
    url_expires_at = serializers.DateTimeField(allow_null=True)


class FlowSerializer(serializers.Serializer[Any]):
    """How far the parts of a job are."""

    total = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    running = serializers.IntegerField()
    percent = serializers.FloatField(help_text="Mean over the parts, 0 to 100.")


class AttemptSerializer(serializers.Serializer[Any]):
    """One try at the job by one worker."""

    number = serializers.IntegerField()
    phase = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.ChoiceField(
        [outcome.value for outcome in Outcome], allow_null=True, help_text="Null while it runs."
    )
    error = ErrorDetailSerializer(allow_null=True)


class JobReferenceSerializer(serializers.Serializer[Any]):
    """The least that finds a job again."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    queue = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    links = SelfLinkSerializer()


class JobSummarySerializer(serializers.Serializer[Any]):
    """A job as lists show it."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    queue = serializers.CharField()
    priority = serializers.IntegerField()
    state = serializers.ChoiceField(STATES)
    phase = serializers.CharField(help_text="`start`, or what follows the parts of a split job.")
    step = serializers.CharField(help_text="What the worker is doing; empty when none is.")
    percent = serializers.FloatField(help_text="0 to 100; never goes back.")
    eta_seconds = serializers.FloatField(allow_null=True)
    attempt = serializers.IntegerField(help_text="Number of the latest attempt; 0 before any.")
    failures = serializers.IntegerField(help_text="Attempts that failed for a passing reason.")
    cancel_requested = serializers.BooleanField()
    not_before = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    error = ErrorDetailSerializer(
        allow_null=True,
        help_text="Why it is failed or dead, or why the last attempt of a retry_wait failed.",
    )
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    child_key = serializers.CharField(allow_null=True, help_text="Its name within the parent.")
    replay_of = serializers.UUIDField(allow_null=True)
    escalation_of = serializers.UUIDField(
        allow_null=True, help_text="The job whose doubtful results this one reads again."
    )
    links = LinksSerializer()


class JobSerializer(JobSummarySerializer):
    """A job with all that can be known about it."""

    submitted_by = serializers.CharField()
    params = serializers.DictField()
    result = serializers.DictField(allow_null=True)
    artifacts = ArtifactSerializer(many=True)
    withheld = serializers.CharField(
        allow_null=True,
        help_text="The scope that you lack to see `params`, `result` and `artifacts`, else null.",
    )
    flow = FlowSerializer(allow_null=True)
    escalated_to = serializers.ListField(
        child=serializers.UUIDField(), help_text="Jobs that read its doubtful results again."
    )
    attempts = AttemptSerializer(
        many=True, required=False, help_text="Only with `expand=attempts`."
    )


class JobBatchAnswerSerializer(serializers.Serializer[Any]):
    """The accepted jobs, in the order of the request."""

    jobs = JobReferenceSerializer(many=True)


class AttemptsSerializer(serializers.Serializer[Any]):
    """All attempts, oldest first."""

    items = AttemptSerializer(many=True)


class EventSerializer(serializers.Serializer[Any]):
    """Something that happened to a job."""

    seq = serializers.IntegerField(help_text="Ascending without gaps, from 1.")
    at = serializers.DateTimeField()
    type = serializers.CharField(
        help_text="The state it went to, or submitted, taken_over, cancel_requested."
    )
    from_state = serializers.ChoiceField(STATES, allow_null=True)
    state = serializers.ChoiceField(STATES)
    attempt = serializers.IntegerField()
    phase = serializers.CharField(required=False)
    code = serializers.CharField(required=False, help_text="Code of the failure.")
    not_before = serializers.DateTimeField(required=False)


class EventsSerializer(serializers.Serializer[Any]):
    """Events, oldest first."""

    items = EventSerializer(many=True)
    next_after = serializers.IntegerField(
        allow_null=True, help_text="Give it as `after` for more; null when these were all."
    )


class KindScopesSerializer(serializers.Serializer[Any]):
    """The rights that a kind needs beside those of all jobs."""

    read = serializers.CharField(
        allow_null=True, help_text="To see what a job was given and made, beside `jobs:read`."
    )
    write = serializers.CharField(allow_null=True, help_text="To submit one, beside `jobs:write`.")


class KindSerializer(serializers.Serializer[Any]):
    """A kind of job that can be submitted."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    queue = serializers.ChoiceField(QUEUES, help_text="Where it runs unless its tier says another.")
    queues = serializers.ListField(
        child=serializers.ChoiceField(QUEUES), help_text="Every queue that it may run on."
    )
    max_attempts = serializers.IntegerField()
    timeout_seconds = serializers.IntegerField(help_text="Of one attempt.")
    scopes = KindScopesSerializer()
    params = serializers.DictField(help_text="JSON Schema of `params`.")
    result = serializers.DictField(
        allow_null=True, help_text="JSON Schema of a finished job's `result`; null: not promised."
    )


class KindsSerializer(serializers.Serializer[Any]):
    """All kinds, by name."""

    items = KindSerializer(many=True)
