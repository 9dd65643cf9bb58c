"""Requests and answers about opt-outs, consents and events."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictRegexField,
    StrictSerializer,
    StrictUUIDField,
)
from academy.messaging.asking import MOST_NAMED, RECIPIENTS, ToStudentSerializer
from academy.messaging.events import Event
from academy.messaging.fields import Recipient
from academy.messaging.models import TITLE_CHARS
from academy.messaging.people import Source, Whose

EVENTS: Final = [event.value for event in Event]
SOURCES: Final = [source.value for source in Source]
OCCURRENCE_CHARS: Final = 100
_TAIL_HELP: Final = "The last four digits; a whole number is not for an address."


class PeopleQuerySerializer(StrictSerializer):
    """Filters of the lists."""

    tail = StrictRegexField(r"^\d{4}\Z", required=False, default="", help_text=_TAIL_HELP)
    student = serializers.UUIDField(required=False, default=None)
    recipient = serializers.ChoiceField(
        RECIPIENTS, required=False, default=Recipient.PARENT.value, help_text="With `student`."
    )


class WhoseSerializer(StrictSerializer):
    """A phone: its number, or a student's."""

    phone = StrictCharField(required=False, default="", max_length=30)
    student = StrictUUIDField(required=False, default=None)
    recipient = serializers.ChoiceField(
        RECIPIENTS, required=False, default=Recipient.PARENT.value, help_text="With `student`."
    )

    def validate(self, attrs: Any) -> Any:
        """One of the two."""
        if bool(attrs["phone"]) == (attrs["student"] is not None):
            raise ValidationError(
                {"phone": [ErrorDetail("Either phone or student.", code="required")]}
            )
        return attrs


def whose_of(values: dict[str, Any]) -> Whose:
    """Take the phone out of the values."""
    return Whose(
        phone=values.pop("phone", ""),
        student=values.pop("student"),
        recipient=Recipient(values.pop("recipient")),
    )


class OptOutCreateSerializer(WhoseSerializer):
    """An opt-out to note."""

    everything = StrictBooleanField(
        required=False, default=False, help_text="True: nothing at all; false: no advertising."
    )


class OptOutSerializer(serializers.Serializer[Any]):
    """A phone that wants no advertising, or nothing."""

    id = serializers.UUIDField()
    phone = serializers.CharField(help_text="Masked: the last digits alone.")
    everything = serializers.BooleanField()
    source = serializers.ChoiceField(SOURCES)  # type: ignore[assignment]
    by = serializers.CharField()
    created_at = serializers.DateTimeField()


class ConsentCreateSerializer(WhoseSerializer):
    """A consent to note."""

    source = StrictCharField(  # type: ignore[assignment]
        max_length=TITLE_CHARS, help_text="How it was given, as you would show the authorities."
    )
    at_night = StrictBooleanField(
        required=False, default=False, help_text="Agreed to from 21:00 to 08:00 as well."
    )
    given_at = serializers.DateTimeField(required=False, default=None)


class ConsentSerializer(serializers.Serializer[Any]):
    """A phone whose owner agreed to advertising."""

    id = serializers.UUIDField()
    phone = serializers.CharField(help_text="Masked: the last digits alone.")
    at_night = serializers.BooleanField()
    source = serializers.CharField()  # type: ignore[assignment]
    given_at = serializers.DateTimeField()
    by = serializers.CharField()
    created_at = serializers.DateTimeField()


class EventTellSerializer(StrictSerializer):
    """Something that happened, and of whom it is told."""

    event = serializers.ChoiceField(EVENTS)
    occurrence = StrictCharField(
        max_length=OCCURRENCE_CHARS,
        help_text="What happened, by a name of yours: the same is told to nobody twice.",
    )
    students = serializers.ListField(
        child=ToStudentSerializer(), min_length=1, max_length=MOST_NAMED
    )
