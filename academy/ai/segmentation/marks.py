"""What may begin a question: numbers and group headings at the left edge of a column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from academy.ai.pages.document import Box
from academy.ai.pages.text import Line
from academy.ai.segmentation.regions import Region

_NUMBER: Final = re.compile(
    r"(?:문(?:제|항)?\s*)?(?:(\d{1,3})\s*(?:[.\uff0e)](?!\d)|번(?![가-힣]))"
    r"|\[\s*(\d{1,3})\s*\]|(0\d{1,2})(?:\s|$))"
)
"""1. 1) 1번 문제 1. [1] and, alone, 01."""
_GROUP: Final = re.compile(
    r"[\[(\u3010\u3014]\s*(\d{1,3})\s*(?:[~\u223c\u301c\uff5e-]|에서)\s*(\d{1,3})\s*[\])\u3011\u3015]"
)
"""[5~6], with any of the brackets and tildes in use."""
EDGE: Final = 0.02
"""Of the page's width: how far from the column's edge a number may stand."""

Values = tuple[tuple[int, float], ...]
"""Numbers that something may be, with the share (0 to 1) of each, the likeliest first."""


@dataclass(frozen=True)
class Mark:
    """The first line of a question, perhaps, or of what several questions share.

    ``region`` is the index of its region; ``sure`` says how likely it is a number at all (1 in a
    text layer), ``lasts`` the second number of a group. ``circled`` numbers are mostly choices.
    """

    region: int
    box: Box
    values: Values
    lasts: Values = ()
    sure: float = 1.0
    circled: bool = False

    @property
    def is_group(self) -> bool:
        """Whether several questions share what follows."""
        return bool(self.lasts)

    def to_json(self) -> dict[str, Any]:
        """For another process; `mark_from` reads it."""
        return asdict(self)


def mark_from(data: Mapping[str, Any], first_region: int = 0) -> Mark:
    """The mark again; its region counts from ``first_region``."""
    values, lasts = (
        tuple((int(number), float(share)) for number, share in data[name])
        for name in ("values", "lasts")
    )
    left, top, right, bottom = data["box"]
    return Mark(
        data["region"] + first_region, (left, top, right, bottom), values, lasts,
        data["sure"], data["circled"],
    )  # fmt: skip


def marks_of_text(region: Region, index: int, width: int) -> list[Mark]:
    """The marks of a column of text; ``width`` of its page in pixels."""
    edge = _edge(region) + width * EDGE
    marks = (_marked(line, index) for line in region.lines if line.box[0] <= edge)
    return [mark for mark in marks if mark is not None]


def _marked(line: Line, index: int) -> Mark | None:
    if group := _GROUP.match(line.text):
        first, last = int(group[1]), int(group[2])
        return Mark(index, line.box, ((first, 1.0),), ((last, 1.0),)) if first < last else None
    number = _NUMBER.match(line.text)
    value = 0 if number is None else int(number[1] or number[2] or number[3])
    return Mark(index, line.box, ((value, 1.0),)) if value else None


def _edge(region: Region) -> int:
    """Where the lines of a column begin: a stray mark further left does not count."""
    lefts = sorted(line.box[0] for line in region.lines)
    return lefts[len(lefts) // 20]
