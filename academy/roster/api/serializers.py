"""Requests are validated by these; answers are only described by them (see present.py)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from rest_framework import serializers

from academy.core import catalogue
from academy.core.http.serializers import StrictCharField, StrictSerializer
from academy.documents.tables.cells import Cell
from academy.documents.tables.values import CellError
from academy.roster import fields
from academy.roster.fields import BY_NAME, Enrolment, Gender

STATES = [state.value for state in Enrolment]
GENDERS = [gender.value for gender in Gender]
_LONGEST = 1_000
_PHONE_HELP = "Digits; written with hyphens, or without 010, they are read as well."
_MASKED = "The last digits; whole where one student is read with the scope `students:phones`."
_OWN_NUMBER = "The academy's own number of the student."


class KnownField(StrictCharField):
    """A text that is read as the cell of an imported list is, so that both store the same."""

    def __init__(self, name: str, **options: Any) -> None:
        self._read: Callable[[Cell], str | None] = BY_NAME[name].read
        options.setdefault("required", False)
        super().__init__(
            allow_blank=not options["required"], trim_whitespace=False, max_length=_LONGEST,
            **options,
        )  # fmt: skip

    def to_internal_value(self, data: Any) -> str:
        """The stored form; empty where nothing is known."""
        text = super().to_internal_value(data)
        try:
            return self._read(text) or ""
        except CellError as error:
            message = catalogue.lookup(error.code).message("en", error.params)
            raise serializers.ValidationError(message, code=error.code) from None


class DayField(serializers.DateField):
    """A JSON string in the form 2026-03-02."""

    def to_internal_value(self, value: Any) -> date:
        """Accept a string and nothing else."""
        if not isinstance(value, str):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


# ------------------------------------------------------------------ requests


class StudentListQuerySerializer(StrictSerializer):
    """Filters of the list."""

    q = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=fields.NAME_CHARS,
        help_text="Part of the name, the academy's number, or the last digits (four at least) of "
        "the parent's phone.",
    )  # fmt: skip
    state = serializers.ListField(
        child=serializers.ChoiceField(STATES), required=False, default=list,
        max_length=len(STATES), help_text="Repeat it for several states.",
    )  # fmt: skip
    school = serializers.CharField(required=False, max_length=fields.SCHOOL_CHARS)
    grade = serializers.CharField(required=False, max_length=fields.GRADE_CHARS)
    class_name = serializers.CharField(required=False, max_length=fields.CLASS_CHARS)
    removed = serializers.BooleanField(
        required=False, default=False, help_text="Show those who were removed, and no others."
    )


class StudentEditSerializer(StrictSerializer):
    """What to change; what is left out stays."""

    number = KnownField("number", help_text=_OWN_NUMBER)
    name = KnownField("name")
    parent_phone = KnownField("parent_phone", help_text=_PHONE_HELP)
    student_phone = KnownField("student_phone", help_text=_PHONE_HELP)
    school = KnownField("school")
    grade = KnownField("grade")
    gender = serializers.ChoiceField(GENDERS, required=False, allow_blank=True)
    class_name = KnownField("class_name")
    state = serializers.ChoiceField(STATES, required=False)
    enrolled_on = DayField(required=False, allow_null=True)
    memo = KnownField("memo")


class StudentCreateSerializer(StudentEditSerializer):
    """A student to add."""

    name = KnownField("name", required=True)
    parent_phone = KnownField("parent_phone", required=True, help_text=_PHONE_HELP)


# ------------------------------------------------------------------ answers


class StudentSerializer(serializers.Serializer[Any]):
    """A student."""

    id = serializers.UUIDField()
    number = serializers.CharField(help_text=_OWN_NUMBER)
    name = serializers.CharField()
    parent_phone = serializers.CharField(help_text=_MASKED)
    student_phone = serializers.CharField(help_text=f"{_MASKED} Empty where it is not known.")
    school = serializers.CharField()
    grade = serializers.CharField()
    gender = serializers.ChoiceField(GENDERS, allow_blank=True)
    class_name = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    enrolled_on = serializers.DateField(allow_null=True)
    memo = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    removed_at = serializers.DateTimeField(
        allow_null=True, help_text="Added again, the student comes back with the same id."
    )
