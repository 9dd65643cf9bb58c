"""Requests are validated by these."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from rest_framework import serializers

from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
)
from academy.deadletters.models import REASON_CHARS, LetterState, Source
from academy.deadletters.plan import GROUP_LIMIT, Group
from academy.deadletters.services import (
    DEFAULT_IN_FLIGHT,
    DEFAULT_PER_MINUTE,
    MOST_IN_FLIGHT,
    MOST_PER_MINUTE,
)
from academy.tenants.plans import PLANS

QUEUES: Final = sorted(PLANS["start"].limits)
LETTER_STATES: Final = LetterState.values
SOURCES: Final = Source.values
LONGEST_BODY: Final = 1_048_576
"""Characters; SQS takes as many bytes."""
_FINGERPRINT: Final = r"^[0-9a-f]{12}\Z"


class LetterListQuerySerializer(StrictSerializer):
    """Filters of the list; all must hold."""

    state = serializers.ListField(
        child=serializers.ChoiceField(LETTER_STATES),
        required=False,
        default=list,
        max_length=len(LETTER_STATES),
        help_text="Repeat it for several states.",
    )
    # A declared field is taken off the class, so it does not hide DRF's own attribute.
    source = serializers.ChoiceField(SOURCES, required=False)  # type: ignore[assignment]
    queue = serializers.ChoiceField(QUEUES, required=False)
    kind = serializers.CharField(required=False, max_length=64)
    fingerprint = serializers.RegexField(_FINGERPRINT, required=False)
    tenant = serializers.UUIDField(required=False)


class GroupListQuerySerializer(LetterListQuerySerializer):
    """Filters of the groups; open letters are counted where no state is named."""


class LetterQuerySerializer(StrictSerializer):
    """What to show beyond the letter itself."""

    expand = serializers.ListField(
        child=serializers.ChoiceField(["links"]),
        required=False,
        default=list,
        max_length=1,
        help_text="`links`: sign a link to each artifact, good for 15 minutes.",
    )


class ReasonField(StrictCharField):
    """Why, in a sentence."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=REASON_CHARS, **options)


class LetterReplaySerializer(StrictSerializer):
    """How to run it again; without fields, as it was."""

    params = serializers.DictField(
        required=False, help_text="In place of the job's own parameters."
    )
    params_patch = serializers.DictField(
        required=False, help_text="Merged into the job's own parameters (RFC 7396)."
    )
    body = StrictCharField(
        required=False,
        max_length=LONGEST_BODY,
        trim_whitespace=False,
        help_text="Sent in place of the message's own; needs `resend`.",
    )
    resend = StrictBooleanField(
        required=False, default=False, help_text="Send a message that workers are known to refuse."
    )
    reason = ReasonField(required=False, default="", allow_blank=True)
    dry_run = StrictBooleanField(
        required=False, default=False, help_text="Say what would happen, and change nothing."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse both ways of editing at once."""
        if "params" in attrs and "params_patch" in attrs:
            raise serializers.ValidationError("Either params or params_patch.", code="exclusive")
        return attrs


class LetterDiscardSerializer(StrictSerializer):
    """Why nothing needs to be done."""

    reason = ReasonField(help_text="For whoever wonders later.")


class GroupSerializer(StrictSerializer):
    """Which letters: all open ones of a fingerprint, or some by name."""

    fingerprint = serializers.RegexField(_FINGERPRINT, required=False)
    letters = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=GROUP_LIMIT
    )
    dry_run = StrictBooleanField(
        required=False, default=False, help_text="Say what would happen, and change nothing."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and both."""
        if ("fingerprint" in attrs) == ("letters" in attrs):
            raise serializers.ValidationError("Either fingerprint or letters.", code="exclusive")
        return attrs


class GroupReplaySerializer(GroupSerializer):
    """A group, and how to replay it."""

    params_patch = serializers.DictField(
        required=False, help_text="Merged into each job's own parameters (RFC 7396)."
    )
    reason = ReasonField(required=False, default="", allow_blank=True)
    per_minute = StrictIntegerField(
        required=False, default=DEFAULT_PER_MINUTE, min_value=1, max_value=MOST_PER_MINUTE
    )
    max_in_flight = StrictIntegerField(
        required=False, default=DEFAULT_IN_FLIGHT, min_value=1, max_value=MOST_IN_FLIGHT
    )


class GroupDiscardSerializer(GroupSerializer):
    """A group, and why nothing needs to be done about it."""

    reason = ReasonField(help_text="For whoever wonders later.")


class StopSerializer(StrictSerializer):
    """Why a replay is stopped."""

    reason = ReasonField(required=False, default="", allow_blank=True)


def group_of(data: dict[str, Any]) -> Group:
    """The service's view of a validated group."""
    letters: list[UUID] = data.get("letters", [])
    return Group(data.get("fingerprint", ""), tuple(dict.fromkeys(letters)))
