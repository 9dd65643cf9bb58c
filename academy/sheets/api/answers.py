"""The form of the answers, for the OpenAPI document; present.py makes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.core.http.openapi import ErrorDetailSerializer, TextSerializer
from academy.desk.rest import PageLinkSerializer
from academy.sheets.api.serializers import (
    EXAM_STATES,
    IDENTIFIERS,
    QUESTION_KINDS,
    RULES,
    LayoutSerializer,
)
from academy.sheets.fields import Reason
from academy.sheets.grading import Outcome
from academy.sheets.identity import Match
from academy.sheets.reading.results import Status

REASONS = [reason.value for reason in Reason]
OUTCOMES = [outcome.value for outcome in Outcome]
MATCHES = [match.value for match in Match]
READING_STATES = [status.value for status in Status]
_LINK = "A signed link that works for an hour."


class Answer(serializers.Serializer[Any]):
    """Base of the answers."""


class DesignSerializer(Answer):
    """A design; it never changes."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    fingerprint = serializers.CharField(help_text="Printed on every page.")
    questions = serializers.IntegerField()
    pages = serializers.ListField(
        child=serializers.CharField(), help_text="Addresses of the pages as SVG."
    )
    layout = LayoutSerializer()
    created_at = serializers.DateTimeField()


class ExamSerializer(Answer):
    """An examination."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    design = serializers.UUIDField()
    identify_by = serializers.ChoiceField(IDENTIFIERS)
    state = serializers.ChoiceField(EXAM_STATES)
    has_key = serializers.BooleanField()
    points = serializers.FloatField(allow_null=True, help_text="Of a perfect sheet.")
    published_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when students may see their results."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ScanCountsSerializer(Answer):
    """Pages that were read, by what became of them."""

    pages = serializers.IntegerField()
    readable = serializers.IntegerField()
    unreadable = serializers.IntegerField()
    identified = serializers.IntegerField()
    needs_review = serializers.IntegerField()
    duplicates = serializers.IntegerField()


class ExamDetailSerializer(ExamSerializer):
    """An examination with the state of its pages."""

    scans = ScanCountsSerializer()


class KeyItemAnswerSerializer(Answer):
    """The key of one question."""

    question = serializers.IntegerField()
    answers = serializers.ListField(child=serializers.IntegerField())
    points = serializers.FloatField()
    rule = serializers.ChoiceField(RULES)
    partial = serializers.DictField(child=serializers.FloatField())  # type: ignore[assignment]


class KeyAnswerSerializer(Answer):
    """The key."""

    points = serializers.FloatField(help_text="Of a perfect sheet.")
    items = KeyItemAnswerSerializer(many=True)


class MarkSerializer(Answer):
    """One question of one student."""

    question = serializers.IntegerField()
    values = serializers.ListField(child=serializers.IntegerField())
    graded = serializers.ChoiceField(OUTCOMES)
    points = serializers.FloatField()


class ScoreSerializer(Answer):
    """One student's score; final once nothing needs review and no page is missing."""

    student = serializers.UUIDField()
    name = serializers.CharField()
    points = serializers.FloatField()
    right = serializers.IntegerField()
    needs_review = serializers.BooleanField()
    missing_pages = serializers.ListField(child=serializers.IntegerField())
    scans = serializers.ListField(child=serializers.UUIDField())
    marks = MarkSerializer(many=True)


class ChoiceStatisticsSerializer(Answer):
    """How often an answer was given: shares of all, of the best and of the worst 27 %."""

    value = serializers.IntegerField()
    all = serializers.FloatField()
    best = serializers.FloatField()
    worst = serializers.FloatField()


class QuestionStatisticsSerializer(Answer):
    """Figures of one question."""

    question = serializers.IntegerField()
    difficulty = serializers.FloatField(help_text="Mean share of the points.")
    discrimination = serializers.FloatField(
        allow_null=True, help_text="Correlation with the sum of the others; null below 10 sheets."
    )
    upper_lower = serializers.FloatField(allow_null=True)
    blank = serializers.FloatField()
    choices = ChoiceStatisticsSerializer(many=True)


class StatisticsSerializer(Answer):
    """Figures over complete sheets; shares of 1."""

    students = serializers.IntegerField()
    mean = serializers.FloatField()
    deviation = serializers.FloatField()
    reliability = serializers.FloatField(allow_null=True, help_text="Cronbach's alpha.")
    questions = QuestionStatisticsSerializer(many=True)


class ScoresSerializer(Answer):
    """All scores, best first."""

    points = serializers.FloatField(help_text="Of a perfect sheet.")
    items = ScoreSerializer(many=True)
    statistics = StatisticsSerializer(allow_null=True)


class ScanSerializer(Answer):
    """A page that was read."""

    id = serializers.UUIDField()
    exam = serializers.UUIDField()
    upload = serializers.UUIDField()
    index = serializers.IntegerField(help_text="Page of the file, from 1.")
    page = serializers.IntegerField(allow_null=True, help_text="Page of the sheet.")
    match = serializers.ChoiceField(
        MATCHES, allow_null=True, help_text="Of the number with the students."
    )
    student = serializers.UUIDField(
        allow_null=True, help_text="Settled, or matched beyond doubt; nobody else counts."
    )
    candidates = serializers.ListField(child=serializers.UUIDField(), help_text="Best first.")
    needs_review = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.ChoiceField(REASONS))
    doubtful = serializers.ListField(
        child=serializers.IntegerField(), help_text="Questions that a person has to look at."
    )
    duplicate = serializers.BooleanField()
    discarded = serializers.BooleanField()
    error = ErrorDetailSerializer(allow_null=True, help_text="Why it could not be read.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ReviewedSerializer(Answer):
    """What a later engine was certain of: it counts in the place of the first reading."""

    read_as = serializers.ChoiceField(READING_STATES)
    confidence = serializers.FloatField()
    job = serializers.UUIDField(help_text="The `sheets.review` that read it again.")


class ReviewedNumberSerializer(ReviewedSerializer):
    """A student's number that was read again."""

    digits = serializers.CharField()


class ReviewedAnswerSerializer(ReviewedSerializer):
    """An answer that was read again."""

    values = serializers.ListField(child=serializers.IntegerField())


class ReviewModelSerializer(Answer):
    """The model that read again."""

    name = serializers.CharField()
    sha256 = serializers.CharField()


class ScanReviewSerializer(Answer):
    """A second reading of the doubtful rows of a page."""

    job = serializers.UUIDField()
    engine = serializers.CharField()
    model = ReviewModelSerializer()
    device = serializers.CharField()


class IdentifierSerializer(Answer):
    """The student's number as read."""

    digits = serializers.CharField(help_text="`?` where a place is empty or not certain.")
    read_as = serializers.ChoiceField(READING_STATES)
    confidence = serializers.FloatField()
    crop = serializers.CharField(allow_null=True, help_text=_LINK)
    reviewed = ReviewedNumberSerializer(allow_null=True)


class ReadAnswerSerializer(Answer):
    """One question as read, and what counts."""

    question = serializers.IntegerField()
    question_kind = serializers.ChoiceField(QUESTION_KINDS)
    values = serializers.ListField(child=serializers.IntegerField())
    read_as = serializers.ChoiceField(READING_STATES)
    confidence = serializers.FloatField()
    settled = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="What a person settled."
    )
    crop = serializers.CharField(allow_null=True, help_text=_LINK)
    reviewed = ReviewedAnswerSerializer(allow_null=True)


class SheetChangeSerializer(Answer):
    """Who changed what."""

    what = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    by = serializers.CharField()
    at = serializers.DateTimeField()


class ScanDetailSerializer(ScanSerializer):
    """A page with everything that was read of it."""

    identifier = IdentifierSerializer(allow_null=True)
    answers = ReadAnswerSerializer(many=True)
    reviews = ScanReviewSerializer(many=True)
    pictures_removed_at = serializers.DateTimeField(
        allow_null=True, help_text="When its pictures were deleted; what was read of them stays."
    )
    overlay = serializers.CharField(allow_null=True, help_text=_LINK)
    links_expire_at = serializers.DateTimeField()
    changes = SheetChangeSerializer(many=True)


class ResultExamSerializer(Answer):
    """The examination of a result."""

    id = serializers.UUIDField()
    title = serializers.CharField()


class ResultStudentSerializer(Answer):
    """Whose result it is."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class ResultMarkSerializer(MarkSerializer):
    """One question, with what would have been right."""

    of = serializers.FloatField(help_text="Points of the question.")
    answers = serializers.ListField(
        child=serializers.IntegerField(), help_text="Right ones; none where all got the points."
    )
    difficulty = serializers.FloatField(
        allow_null=True, help_text="Mean share of the points over all students."
    )


class ResultSerializer(Answer):
    """One student's published result; figures are over all final results."""

    exam = ResultExamSerializer()
    student = ResultStudentSerializer()
    points = serializers.FloatField()
    of = serializers.FloatField(help_text="Of a perfect sheet.")
    right = serializers.IntegerField()
    rank = serializers.IntegerField(help_text="1 is the best; equal points share a rank.")
    students = serializers.IntegerField()
    mean = serializers.FloatField()
    published_at = serializers.DateTimeField()
    marks = ResultMarkSerializer(many=True)


class ResultLinkSerializer(PageLinkSerializer):
    """The page, and what to write beside it."""

    message = TextSerializer()
