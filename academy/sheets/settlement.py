"""What a person settles about a page, as the API and the review page are told."""

from __future__ import annotations

import re
from typing import Any, Final

from rest_framework import serializers

from academy.core.http.serializers import (
    StrictBooleanField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
)

MAX_VALUES: Final = 10
MAX_VALUE: Final = 999
_SETTLED: Final = re.compile(r"(answer\.[1-9][0-9]{0,3}|student|discarded)\Z")


class ScanSettleSerializer(StrictSerializer):
    """What to settle; what is left out stays, and null takes back what was settled."""

    answers = serializers.DictField(
        child=serializers.ListField(
            child=StrictIntegerField(min_value=0, max_value=MAX_VALUE),
            allow_null=True,
            max_length=MAX_VALUES,
        ),
        required=False,
        help_text="By question: the choices that count, or the one number; empty: left blank.",
    )
    student = StrictUUIDField(required=False, allow_null=True)
    discarded = StrictBooleanField(
        required=False, help_text="A discarded page counts for nobody; it can be taken back."
    )
    seen = serializers.DictField(
        child=serializers.JSONField(allow_null=True),
        required=False,
        help_text="What stood there when the person decided: `answer.12` a list or null, `student` "
        "an id or null, `discarded` a boolean. Where something else stands there now, the answer "
        "is 409 `scan_changed`.",
    )

    def validate_answers(self, answers: dict[str, Any]) -> dict[int, Any]:
        """Questions are numbers."""
        wrong = [name for name in answers if not (name.isascii() and name.isdigit())]
        if wrong or any(len(name) > 4 for name in answers):
            raise serializers.ValidationError("Questions are numbers.", code="invalid")
        return {int(name): values for name, values in answers.items()}

    def validate_seen(self, seen: dict[str, Any]) -> dict[str, Any]:
        """Only what can be settled has been seen."""
        if not all(_SETTLED.match(name) for name in seen):
            raise serializers.ValidationError("Unknown names.", code="invalid")
        return seen


class SeenSettleSerializer(ScanSettleSerializer):
    """The same from a page, which always says what it showed."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Every decision names what it replaces."""
        decided = {f"answer.{question}" for question in attrs.get("answers", {})}
        decided |= {name for name in ("student", "discarded") if name in attrs}
        if not decided or decided != set(attrs.get("seen", {})):
            raise serializers.ValidationError({"seen": "Name what is decided."}, code="invalid")
        return attrs


class KeepSerializer(StrictSerializer):
    """Of pages that claim to be the same one: which counts, and which do not."""

    keep = StrictUUIDField()
    discard = serializers.ListField(child=StrictUUIDField(), min_length=1, max_length=50)
