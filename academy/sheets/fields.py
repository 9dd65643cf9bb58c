"""Words that examinations and scans are described with."""

from __future__ import annotations

from enum import StrEnum


class IdentifyBy(StrEnum):
    """Which number of a student is marked on the sheet: its last digits count."""

    PARENT_PHONE = "parent_phone"
    STUDENT_PHONE = "student_phone"
    NUMBER = "number"
    """The academy's own; a shorter one is filled with zeros from the left."""


class ExamState(StrEnum):
    """Whether sheets are still read and settled."""

    OPEN = "open"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why a person has to look at a page."""

    UNREADABLE = "unreadable"
    IDENTITY = "identity"
    ANSWERS = "answers"
    DUPLICATE = "duplicate"
