"""Requests are validated by these; answers are described in answers.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import pydantic
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from academy.core.http.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
)
from academy.sheets.fields import ExamState, IdentifyBy
from academy.sheets.grading import AnswerKey, Rule
from academy.sheets.layout import Layout, QuestionKind
from academy.sheets.layout.model import MAX_QUESTIONS, ROWS
from academy.sheets.models import TITLE_CHARS
from academy.sheets.settlement import MAX_VALUE, MAX_VALUES

M = TypeVar("M", bound=pydantic.BaseModel)

EXAM_STATES = [state.value for state in ExamState]
IDENTIFIERS = [item.value for item in IdentifyBy]
QUESTION_KINDS = [kind.value for kind in QuestionKind]
ORIENTATIONS = ["landscape", "portrait"]
RULES = [rule.value for rule in Rule]
_TITLE_HELP = "Shown in lists."


def _model(model: type[M], values: Any) -> M:
    """The values as one of the domain's models, whose complaints become those of the request."""
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        complaints = [
            ErrorDetail(": ".join([*map(str, one["loc"]), one["msg"]]), code="invalid")
            for one in error.errors()
        ]
        raise serializers.ValidationError(complaints) from None


class PointsField(serializers.FloatField):
    """A JSON number with at most two decimals, kept as it was written."""

    def to_internal_value(self, data: Any) -> Any:
        """Accept a number and nothing else."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return Decimal(str(data))


class SectionSerializer(StrictSerializer):
    """A run of questions of one kind."""

    kind = serializers.ChoiceField(QUESTION_KINDS, required=False)
    count = StrictIntegerField(min_value=1, max_value=MAX_QUESTIONS)
    choices = StrictIntegerField(
        required=False, min_value=2, max_value=5, help_text="Of a choice question; 5 by default."
    )
    digits = StrictIntegerField(
        required=False, min_value=1, max_value=3, help_text="Of a numeric answer; 3 by default."
    )


class LayoutSerializer(StrictSerializer):
    """An answer sheet of one or several A4 pages."""

    title = StrictCharField(
        required=False, allow_blank=True, max_length=40, help_text="Printed on the sheet."
    )
    orientation = serializers.ChoiceField(ORIENTATIONS, required=False)
    columns = StrictIntegerField(required=False, min_value=1, max_value=3)
    rows = StrictIntegerField(required=False, min_value=1, max_value=ROWS)
    identifier_digits = StrictIntegerField(required=False, min_value=4, max_value=10)
    logo = StrictBooleanField(required=False, help_text="Leave room for a logo.")
    sections = SectionSerializer(many=True, allow_empty=False)

    def validate(self, attrs: Any) -> Any:
        """The layout itself."""
        return _model(Layout, attrs)


class DesignCreateSerializer(StrictSerializer):
    """A design to store."""

    title = StrictCharField(max_length=TITLE_CHARS, help_text=_TITLE_HELP)
    layout = LayoutSerializer()


class KeyItemSerializer(StrictSerializer):
    """The key of one question."""

    answers = serializers.ListField(
        child=StrictIntegerField(min_value=0, max_value=MAX_VALUE),
        required=False,
        max_length=MAX_VALUES,
        help_text="The right choices, from 1, or numbers. Empty with the rule `free` alone.",
    )
    points = PointsField(min_value=0, max_value=1000)
    rule = serializers.ChoiceField(
        RULES,
        required=False,
        help_text="`any` (default): one of the answers; `all`: exactly these; `share`: each gives "
        "its share of the points, a wrong one takes it back; `free`: points for everybody.",
    )
    partial = serializers.DictField(  # type: ignore[assignment]
        child=PointsField(min_value=0, max_value=1000),
        required=False,
        help_text="Points for answers that are not right but not wholly wrong, by answer.",
    )


class KeySerializer(StrictSerializer):
    """A key: the first item is of question 1."""

    items = KeyItemSerializer(many=True, allow_empty=False)

    def validate(self, attrs: Any) -> Any:
        """The key itself."""
        return _model(AnswerKey, attrs)


class ExamCreateSerializer(StrictSerializer):
    """An examination to start."""

    design = StrictUUIDField()
    title = StrictCharField(max_length=TITLE_CHARS, help_text=_TITLE_HELP)
    identify_by = serializers.ChoiceField(
        IDENTIFIERS,
        required=False,
        default=IdentifyBy.PARENT_PHONE.value,
        help_text="Whose last digits students mark; the academy's number is filled with zeros.",
    )
    key = KeySerializer(required=False, allow_null=True)


class ExamEditSerializer(StrictSerializer):
    """What to change; what is left out stays."""

    title = StrictCharField(required=False, max_length=TITLE_CHARS, help_text=_TITLE_HELP)
    state = serializers.ChoiceField(EXAM_STATES, required=False)
    published = StrictBooleanField(
        required=False, help_text="Whether students may see their results; needs a key."
    )


class ExamListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    state = serializers.ChoiceField(EXAM_STATES, required=False)


class ScanListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    needs_review = serializers.BooleanField(required=False, allow_null=True, default=None)
    discarded = serializers.BooleanField(required=False, allow_null=True, default=None)
    student = serializers.UUIDField(required=False)
