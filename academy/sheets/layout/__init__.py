"""The one description of an answer sheet. Pure: standard library and pydantic only."""

from academy.sheets.layout.geometry import Bubble, Group, GroupKind, Page, pages_of
from academy.sheets.layout.model import Layout, Question, QuestionKind, Section

__all__ = [
    "Bubble",
    "Group",
    "GroupKind",
    "Layout",
    "Page",
    "Question",
    "QuestionKind",
    "Section",
    "pages_of",
]
