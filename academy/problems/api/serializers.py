"""Requests are validated by these; answers are only described by them (see present.py)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.serializers import StrictCharField, StrictIntegerField, StrictSerializer
from academy.problems import limits
from academy.problems.fields import Origin

ORIGINS = [source.value for source in Origin]
_NUMBER = "As printed."
_PAGE = "Of the source, from 1."


# ------------------------------------------------------------------ requests


class CollectionListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    origin = serializers.ChoiceField(ORIGINS, required=False)


class CollectionCreateSerializer(StrictSerializer):
    """A collection to make."""

    title = StrictCharField(max_length=limits.TITLE_CHARS)
    origin = serializers.ChoiceField(ORIGINS, required=False, default=Origin.OTHER.value)


class ProblemListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    tag = serializers.CharField(required=False, max_length=limits.TAG_CHARS)
    number = serializers.CharField(required=False, max_length=limits.NUMBER_CHARS)


class NewProblemSerializer(StrictSerializer):
    """A problem to add."""

    text = StrictCharField(
        max_length=limits.TEXT_CHARS,
        help_text="All of it that is searched for: the question, its conditions, its choices.",
    )
    number = StrictCharField(
        required=False, default="", allow_blank=True, max_length=limits.NUMBER_CHARS,
        help_text=_NUMBER,
    )  # fmt: skip
    page = StrictIntegerField(
        required=False, default=None, allow_null=True, min_value=1, max_value=limits.MAX_PAGE,
        help_text=_PAGE,
    )  # fmt: skip
    tags = serializers.ListField(
        child=StrictCharField(max_length=limits.TAG_CHARS), required=False, default=list,
        max_length=limits.MAX_TAGS,
    )  # fmt: skip


class ProblemsAddSerializer(StrictSerializer):
    """Problems to add, in their order."""

    problems = serializers.ListField(
        child=NewProblemSerializer(), min_length=1, max_length=limits.MAX_AT_ONCE
    )


# ------------------------------------------------------------------ answers


class CollectionSerializer(serializers.Serializer[Any]):
    """A collection."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    origin = serializers.ChoiceField(ORIGINS)
    problems = serializers.IntegerField(help_text="How many are in it.")
    created_at = serializers.DateTimeField()


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem."""

    id = serializers.UUIDField()
    collection = serializers.UUIDField()
    number = serializers.CharField(help_text=_NUMBER)
    text = serializers.CharField()
    page = serializers.IntegerField(allow_null=True, help_text=_PAGE)
    tags = serializers.ListField(child=serializers.CharField())
    has_picture = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class ProblemDetailSerializer(ProblemSerializer):
    """A problem with a link to its picture."""

    picture = serializers.URLField(allow_null=True)
    picture_expires_at = serializers.DateTimeField(allow_null=True)


class AddedSerializer(serializers.Serializer[Any]):
    """The problems that were added, in the order of the request."""

    items = ProblemSerializer(many=True)


class CollectionDeletedSerializer(serializers.Serializer[Any]):
    """What went with a collection."""

    id = serializers.UUIDField()
    problems = serializers.IntegerField(help_text="How many were deleted with it.")


class ProblemDeletedSerializer(serializers.Serializer[Any]):
    """A problem that is gone."""

    id = serializers.UUIDField()
