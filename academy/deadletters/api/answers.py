"""Answers are described by these and made in present.py."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.openapi import ErrorDetailSerializer
from academy.deadletters.api.serializers import LETTER_STATES, SOURCES
from academy.deadletters.models import ItemState, ReplayState
from academy.deadletters.rerun import Deed

DEEDS = [deed.value for deed in Deed]
REPLAY_STATES = ReplayState.values
ITEM_STATES = ItemState.values


class TenantReferenceSerializer(serializers.Serializer[Any]):
    """An academy."""

    id = serializers.UUIDField()
    slug = serializers.CharField()


class SelfSerializer(serializers.Serializer[Any]):
    """Where it is."""

    self = serializers.CharField()


class LetterSerializer(serializers.Serializer[Any]):
    """A dead letter as lists show it."""

    id = serializers.UUIDField()
    # A declared field is taken off the class, so it does not hide DRF's own attribute.
    source = serializers.ChoiceField(SOURCES)  # type: ignore[assignment]
    queue = serializers.CharField()
    kind = serializers.CharField(allow_null=True, help_text="Null for a message of no known job.")
    code = serializers.CharField()
    title = serializers.CharField(help_text="The failure without what differs from case to case.")
    fingerprint = serializers.CharField(help_text="The same for letters of one cause.")
    error = ErrorDetailSerializer()
    tenant = TenantReferenceSerializer(allow_null=True)
    job = serializers.UUIDField(allow_null=True)
    flow = serializers.UUIDField(
        allow_null=True, help_text="The whole job, where the dead one is a part of it."
    )
    message_id = serializers.CharField(allow_null=True)
    receive_count = serializers.IntegerField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    died_at = serializers.DateTimeField()
    collected_at = serializers.DateTimeField()
    state = serializers.ChoiceField(LETTER_STATES)
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_by = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    replayed_at = serializers.DateTimeField(allow_null=True)
    replayed_as = serializers.UUIDField(allow_null=True, help_text="The job it was run again as.")
    resent_as = serializers.CharField(allow_null=True, help_text="The message sent instead.")
    links = SelfSerializer()


class LetterGroupSerializer(serializers.Serializer[Any]):
    """Letters of one cause."""

    fingerprint = serializers.CharField()
    kind = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    title = serializers.CharField()
    queues = serializers.ListField(child=serializers.CharField())
    sources = serializers.ListField(child=serializers.ChoiceField(SOURCES))
    letters = serializers.IntegerField()
    open = serializers.IntegerField()
    tenants = serializers.IntegerField(help_text="How many academies.")
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class LetterGroupsSerializer(serializers.Serializer[Any]):
    """The causes, those that struck last first; at most 200."""

    items = LetterGroupSerializer(many=True)


# ---------------------------------------------------------------------------- a story


class MessageSerializer(serializers.Serializer[Any]):
    """A message as it was; phone numbers and keys in it are masked."""

    body = serializers.CharField(help_text="Its beginning.")
    size = serializers.IntegerField(help_text="Bytes.")
    is_cut = serializers.BooleanField()
    attributes = serializers.DictField()


class LetterAttemptSerializer(serializers.Serializer[Any]):
    """One try, with what only operators see."""

    number = serializers.IntegerField()
    phase = serializers.CharField()
    worker = serializers.CharField()
    host_kind = serializers.CharField()
    message_id = serializers.CharField(allow_null=True)
    receive_count = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    error = ErrorDetailSerializer(allow_null=True)
    detail = serializers.CharField(allow_null=True, help_text="The end of the traceback.")


class LetterEventSerializer(serializers.Serializer[Any]):
    """One line of the job's history."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    type = serializers.CharField()
    from_state = serializers.CharField(allow_null=True)
    state = serializers.CharField()
    attempt = serializers.IntegerField()
    # A declared field is taken off the class, so it does not hide DRF's own attribute.
    data = serializers.DictField()  # type: ignore[assignment]


class LetterLogLineSerializer(serializers.Serializer[Any]):
    """One line that an attempt logged."""

    attempt = serializers.IntegerField()
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    level = serializers.CharField()
    logger = serializers.CharField()
    message = serializers.CharField()


class LetterArtifactSerializer(serializers.Serializer[Any]):
    """An object that the job made."""

    name = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField(allow_null=True)
    url = serializers.CharField(allow_null=True, help_text="Only with `expand=links`.")


class LetterEffectSerializer(serializers.Serializer[Any]):
    """Something that cannot be undone, such as a message to a parent."""

    key = serializers.CharField()
    state = serializers.CharField()
    attempt = serializers.IntegerField()
    error_code = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class LetterJobSerializer(serializers.Serializer[Any]):
    """The row behind the letter, and all that hangs on it."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    kind_version = serializers.IntegerField()
    queue = serializers.CharField()
    priority = serializers.IntegerField()
    state = serializers.CharField()
    version = serializers.IntegerField(help_text="Times that it was queued.")
    attempt = serializers.IntegerField()
    failures = serializers.IntegerField()
    losses = serializers.IntegerField(help_text="Workers that were lost over it.")
    phase = serializers.CharField()
    step = serializers.CharField()
    percent = serializers.FloatField()
    submitted_by = serializers.CharField()
    request_id = serializers.CharField(allow_null=True)
    traceparent = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    params = serializers.DictField(help_text="Phone numbers and keys are masked.")
    # A declared field is taken off the class, so it does not hide DRF's own attribute.
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    replay_of = serializers.UUIDField(allow_null=True)
    attempts = LetterAttemptSerializer(many=True)
    events = LetterEventSerializer(many=True)
    logs = LetterLogLineSerializer(many=True)
    artifacts = LetterArtifactSerializer(many=True)
    effects = LetterEffectSerializer(many=True)


class PreviewSerializer(serializers.Serializer[Any]):
    """What running it again would do."""

    letter = serializers.UUIDField()
    deed = serializers.ChoiceField(DEEDS)
    job = serializers.UUIDField(allow_null=True, help_text="What would be run.")
    params = serializers.DictField(allow_null=True, help_text="Masked.")
    problem = ErrorDetailSerializer(allow_null=True, help_text="Why it cannot be done now.")


class LetterInReplaySerializer(serializers.Serializer[Any]):
    """A group replay that had the letter on its list."""

    replay = serializers.UUIDField()
    position = serializers.IntegerField()
    state = serializers.ChoiceField(ITEM_STATES)
    job = serializers.UUIDField(allow_null=True)
    error = ErrorDetailSerializer(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class LetterActionSerializer(serializers.Serializer[Any]):
    """One thing that an operator did."""

    at = serializers.DateTimeField()
    by = serializers.CharField()
    action = serializers.CharField()
    target = serializers.CharField()
    reason = serializers.CharField()
    # A declared field is taken off the class, so it does not hide DRF's own attribute.
    data = serializers.DictField()  # type: ignore[assignment]


class LetterStorySerializer(LetterSerializer):
    """A dead letter with all that is known about it."""

    message = MessageSerializer(allow_null=True)
    row = LetterJobSerializer(allow_null=True)
    replay = PreviewSerializer()
    replays = LetterInReplaySerializer(many=True)
    before = LetterSerializer(many=True, help_text="Letters that this is a second death of.")
    after = LetterSerializer(many=True, help_text="Deaths of its own replays.")
    actions = LetterActionSerializer(many=True)


# ---------------------------------------------------------------------------- replays


class ProblemCountSerializer(serializers.Serializer[Any]):
    """How many letters cannot be run again for one reason."""

    count = serializers.IntegerField()
    error = ErrorDetailSerializer()


class PlanSerializer(serializers.Serializer[Any]):
    """What a group replay would do."""

    runs = serializers.IntegerField(help_text="Letters that would be run again.")
    flows = serializers.IntegerField(help_text="Of them, those that run a whole flow.")
    along = serializers.IntegerField(help_text="Parts of flows that those run already.")
    blocked = serializers.IntegerField(help_text="Letters that cannot be run again.")
    left_out = serializers.IntegerField(help_text="Open letters beyond the 2,000 of one replay.")
    minutes = serializers.FloatField(help_text="At least, once the canary has succeeded.")
    kinds = serializers.DictField(child=serializers.IntegerField(), help_text="Runs by kind.")
    tenants = serializers.DictField(child=serializers.IntegerField(), help_text="By academy.")
    canary = PreviewSerializer(allow_null=True)
    problems = ProblemCountSerializer(many=True)
    examples = PreviewSerializer(many=True, help_text="The first letters that are blocked.")


class ReplayCountsSerializer(serializers.Serializer[Any]):
    """Letters of a replay by what became of them."""

    waiting = serializers.IntegerField()
    sent = serializers.IntegerField(help_text="Their new run has not ended.")
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="They could not be run again.")
    left = serializers.IntegerField(help_text="Their turn did not come, or somebody was faster.")


class ReplaySerializer(serializers.Serializer[Any]):
    """The replay of a group."""

    id = serializers.UUIDField()
    fingerprint = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(REPLAY_STATES)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()
    params_patch = serializers.DictField(allow_null=True)
    per_minute = serializers.IntegerField()
    max_in_flight = serializers.IntegerField()
    error = ErrorDetailSerializer(
        allow_null=True, help_text="Why it ended by itself, or what it waits for."
    )
    counts = ReplayCountsSerializer()
    links = SelfSerializer()


class ReplayItemSerializer(serializers.Serializer[Any]):
    """One letter of a replay."""

    position = serializers.IntegerField()
    letter = serializers.UUIDField()
    state = serializers.ChoiceField(ITEM_STATES)
    job = serializers.UUIDField(allow_null=True)
    error = ErrorDetailSerializer(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class ReplayDetailSerializer(ReplaySerializer):
    """A replay with its letters, those that did not go well first; at most 200."""

    items = ReplayItemSerializer(many=True)


class DiscardedSerializer(serializers.Serializer[Any]):
    """Which letters were discarded, or would be."""

    dry_run = serializers.BooleanField()
    count = serializers.IntegerField()
    letters = serializers.ListField(child=serializers.UUIDField())
