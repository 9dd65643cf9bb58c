"""What a request for a preview may say, over REST and on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictSerializer,
    StrictUUIDField,
)
from academy.messaging import recipients
from academy.messaging.fields import Purpose, Recipient
from academy.messaging.models import TITLE_CHARS
from academy.messaging.policy import policy_of
from academy.messaging.preview import Occasion, Request
from academy.messaging.recipients import To
from academy.messaging.templates import Wording
from academy.messaging.variables import MOST_VARIABLES, VALUE_CHARS
from academy.tenants.models import Tenant

PURPOSES = [purpose.value for purpose in Purpose]
RECIPIENTS = [recipient.value for recipient in Recipient]
BODY_CHARS = 4_000
MOST_NAMED = 10_000
MOST_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
"""Of a request: 10,000 people with 400 bytes each, for an id and what the text says to them."""
_CLASS_CHARS = 100
_EVENT = r"^[a-z][a-z0-9_.]{0,39}\Z"


class VariablesField(serializers.DictField):
    """Values of variables by name."""

    child = StrictCharField(max_length=VALUE_CHARS, allow_blank=True, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """At most so many as a text may have."""
        values: dict[str, str] = super().to_internal_value(data)
        if len(values) > MOST_VARIABLES:
            raise ValidationError([ErrorDetail(f"At most {MOST_VARIABLES}.", code="max_length")])
        return values


class OwnTextSerializer(StrictSerializer):
    """A text that is no template."""

    subject = StrictCharField(required=False, default="", allow_blank=True, max_length=TITLE_CHARS)
    body = StrictCharField(
        max_length=BODY_CHARS, trim_whitespace=False, help_text="`#{이름}` stands for a variable."
    )


class ToStudentSerializer(StrictSerializer):
    """One student."""

    id = StrictUUIDField()
    recipient = serializers.ChoiceField(
        RECIPIENTS, required=False, default=Recipient.PARENT.value, help_text="Whose phone."
    )
    variables = VariablesField(required=False, default=dict)


class ToPhoneSerializer(StrictSerializer):
    """One phone of nobody that the platform knows."""

    phone = StrictCharField(max_length=30)
    variables = VariablesField(required=False, default=dict)


class ToSerializer(StrictSerializer):
    """Who is to get it; all that is named is added up."""

    students = ToStudentSerializer(many=True, required=False, default=list, max_length=MOST_NAMED)  # type: ignore[call-arg]
    phones = ToPhoneSerializer(many=True, required=False, default=list, max_length=MOST_NAMED)  # type: ignore[call-arg]
    class_name = StrictCharField(
        required=False, max_length=_CLASS_CHARS, help_text="The enrolled students of one class."
    )
    all_enrolled = StrictBooleanField(required=False, default=False)
    recipients = serializers.ListField(
        child=serializers.ChoiceField(RECIPIENTS), required=False, min_length=1, max_length=2,
        default=[Recipient.PARENT.value],
        help_text="Whose phones, of a class or of all who are enrolled.",
    )  # fmt: skip


class OccasionSerializer(StrictSerializer):
    """What is told once: the same occasion never reaches the same person twice."""

    event = serializers.RegexField(_EVENT)
    occurrence = StrictCharField(max_length=100, help_text="Such as the day, or an examination.")


class SaidSerializer(StrictSerializer):
    """What is said: a template's current version, or a text of its own."""

    template = StrictUUIDField(required=False)
    text = OwnTextSerializer(required=False)
    purpose = serializers.ChoiceField(
        PURPOSES, required=False, default=Purpose.INFO.value,
        help_text="Of a text of its own; a template has its own purpose.",
    )  # fmt: skip
    variables = VariablesField(
        required=False, default=dict, help_text="For everybody; a person's own go first."
    )

    def validate(self, attrs: Any) -> Any:
        """One of the two."""
        if ("template" in attrs) == ("text" in attrs):
            detail = ErrorDetail("Either a template or a text.", code="invalid")
            raise ValidationError({"template": [detail]})
        return attrs


class PreviewRequestSerializer(SaidSerializer):
    """A campaign to look at before it is sent."""

    title = StrictCharField(max_length=TITLE_CHARS, help_text="For the academy's own lists.")
    to = ToSerializer()
    occasion = OccasionSerializer(required=False)
    not_before = serializers.DateTimeField(
        required=False, help_text="Send it from this moment on; at most 180 days ahead."
    )
    fallback = StrictBooleanField(
        required=False, default=True,
        help_text="AlimTalk: send the template's text where it does not arrive.",
    )  # fmt: skip


def request_of(tenant: Tenant, values: Mapping[str, Any]) -> Request:
    """What was asked for; the students of a class are looked up now."""
    occasion = values.get("occasion")
    return Request(
        title=values["title"],
        to=_everyone(tenant, values["to"], values["variables"]),
        template=values.get("template"),
        wording=wording_of(values),
        purpose=Purpose(values["purpose"]),
        occasion=None if occasion is None else Occasion(**occasion),
        not_before=values.get("not_before"),
        fallback=values["fallback"],
    )


def wording_of(values: Mapping[str, Any]) -> Wording | None:
    """A text of its own."""
    text = values.get("text")
    return None if text is None else Wording(text["body"], text["subject"])


def _everyone(tenant: Tenant, to: Mapping[str, Any], common: Mapping[str, str]) -> list[To]:
    found = [
        To(
            student=one["id"],
            recipient=Recipient(one["recipient"]),
            variables={**common, **one["variables"]},
        )
        for one in to["students"]
    ]
    found += [
        To(phone=one["phone"], variables={**common, **one["variables"]}) for one in to["phones"]
    ]
    class_name = to.get("class_name", "")
    if class_name or to["all_enrolled"]:
        most = policy_of(tenant).most_per_send
        for recipient in dict.fromkeys(to["recipients"]):
            students = recipients.of_students(
                tenant,
                # All who are enrolled contain the class.
                class_name="" if to["all_enrolled"] else class_name,
                recipient=Recipient(recipient),
                most=most,
            )
            found += [To(one.student, one.recipient, variables=common) for one in students]
    return found
