"""What a column of a table holds, and the tables that every academy knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Colour = Literal["good", "doubt", "bad"]
TITLE_CHARS: Final = 60


class Holds(StrEnum):
    """The type of a column."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    PHONE = "phone"
    MONEY = "money"
    """Whole won."""
    MARK = "mark"
    """A short text with a colour by its value."""


class TableColumn(BaseModel):
    """One column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1, max_length=TITLE_CHARS)
    holds: Holds = Holds.TEXT
    colours: Mapping[str, Colour] = Field(
        default_factory=dict, max_length=20, description="Of a `mark`: its colour by its text."
    )
    total: bool = Field(
        default=False, strict=True, description="Add it up in a last row; `number` and `money`."
    )


class Preset(StrEnum):
    """A table by its name; `extra` are its columns that differ each time."""

    GRADES = "grades"
    ATTENDANCE = "attendance"
    PAYROLL = "payroll"


_ATTENDED: Final[dict[str, Colour]] = {
    "출석": "good", "O": "good", "지각": "doubt", "조퇴": "doubt", "△": "doubt",
    "결석": "bad", "X": "bad",
}  # fmt: skip
_STUDENT: Final = tuple(TableColumn(title=title) for title in ("이름", "학교", "학년", "반"))


def preset_columns(preset: Preset, extra: Sequence[str]) -> tuple[TableColumn, ...]:
    """The columns of a preset: examinations, sessions or allowances are ``extra``."""
    match preset:
        case Preset.GRADES:
            scores = (TableColumn(title=title, holds=Holds.NUMBER) for title in extra)
            return (*_STUDENT, *scores)
        case Preset.ATTENDANCE:
            phones = (
                TableColumn(title=title, holds=Holds.PHONE)
                for title in ("학부모 연락처", "학생 연락처")
            )
            sessions = (
                TableColumn(title=title, holds=Holds.MARK, colours=_ATTENDED) for title in extra
            )
            return (TableColumn(title="이름"), *phones, *sessions)
        case Preset.PAYROLL:
            sums = (
                TableColumn(title=title, holds=Holds.MONEY, total=True)
                for title in ("기본급", *extra, "공제", "실지급액")
            )
            hours = TableColumn(title="근무 시간", holds=Holds.NUMBER, total=True)
            return (TableColumn(title="이름"), TableColumn(title="직책"), hours, *sums)
