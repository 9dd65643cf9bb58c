"""What the columns of the academy's own material may hold."""

from enum import StrEnum


class Origin(StrEnum):
    """What a collection was taken from."""

    TEXTBOOK = "textbook"
    PAST_EXAM = "past_exam"
    WORKBOOK = "workbook"
    HANDOUT = "handout"
    OTHER = "other"
