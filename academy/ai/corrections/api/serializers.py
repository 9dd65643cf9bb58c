"""Corrected questions as they are sent and shown."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.ai.pages.limits import LONG_SIDE, MAX_PAGES
from academy.ai.segmentation.limits import MAX_QUESTIONS
from academy.core.http.serializers import StrictIntegerField, StrictSerializer

_MOST_PARTS = 12


class QuestionPartSerializer(StrictSerializer):
    """A box on a page."""

    page = StrictIntegerField(min_value=1, max_value=MAX_PAGES)
    bbox = serializers.ListField(
        child=StrictIntegerField(min_value=0, max_value=LONG_SIDE), min_length=4, max_length=4,
        help_text="Left, top, right, bottom in pixels of the page.",
    )  # fmt: skip


class CorrectedSerializer(StrictSerializer):
    """A question, or a text that several share."""

    n = StrictIntegerField(min_value=1, max_value=999)
    last = StrictIntegerField(
        min_value=1, max_value=999, allow_null=True,
        help_text="Of a shared text: the last question that it belongs to; null: a question.",
    )  # fmt: skip
    parts = serializers.ListField(
        child=QuestionPartSerializer(), min_length=1, max_length=_MOST_PARTS
    )


class CorrectionSerializer(StrictSerializer):
    """All questions of the test, and the revision that was corrected."""

    revision = StrictIntegerField(min_value=0)
    questions = serializers.ListField(
        child=CorrectedSerializer(), min_length=1, max_length=MAX_QUESTIONS
    )


class PlacedSerializer(serializers.Serializer[Any]):
    """A question as it counts now."""

    n = serializers.IntegerField()
    last = serializers.IntegerField(allow_null=True)
    parts = QuestionPartSerializer(many=True)
    confidence = serializers.FloatField()
    number_confidence = serializers.FloatField()
    crop_url = serializers.URLField(
        allow_null=True, help_text="Its picture, for an hour; null while it is being made."
    )


class StandingSerializer(serializers.Serializer[Any]):
    """The questions of a test as they count now."""

    job_id = serializers.UUIDField()
    revision = serializers.IntegerField(help_text="0: as the job found them.")
    corrected_at = serializers.DateTimeField(allow_null=True)
    questions = PlacedSerializer(many=True)
