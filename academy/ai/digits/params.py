"""Parameters of `ai.short_answer_digits`, as clients submit them."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from academy.ai.pages.limits import MAX_PAGES
from academy.ai.pages.params import DocumentParams
from academy.jobs.kinds import Params

MAX_BOXES: Final = 200
MAX_CELLS: Final = 6
MAX_RIGHT: Final = 10
_EDGE: Final = 1e-6

Right = Annotated[str, StringConstraints(pattern=r"^-?\d{1,6}(\.\d{1,6}|/0*[1-9]\d{0,5})?$")]
"""A right answer: 12, -3, 0.5 or 3/4."""


class AnswerBox(Params):
    """Where one number is written; all lengths are shares of the page."""

    page: int = Field(default=1, ge=1, le=MAX_PAGES, strict=True, description="Of the sheet.")
    x: float = Field(ge=0, lt=1, description="Of the left edge.")
    y: float = Field(ge=0, lt=1, description="Of the top edge.")
    w: float = Field(gt=0, le=1)
    h: float = Field(gt=0, le=1)
    cells: int | None = Field(
        default=None, ge=2, le=MAX_CELLS, strict=True,
        description="Printed cells within the box, each for one digit; null: none.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _within(self) -> Self:
        """Refuse a box that leaves the page."""
        if self.x + self.w > 1 + _EDGE or self.y + self.h > 1 + _EDGE:
            raise ValueError("the box leaves the page")
        return self


class _Reading(Params):
    """What the job and its parts share."""

    boxes: list[AnswerBox] | None = Field(
        default=None, min_length=1, max_length=MAX_BOXES,
        description="Null: the boxes that are printed on each page.",
    )  # fmt: skip
    answers: int | None = Field(
        default=None, ge=1, le=MAX_BOXES, strict=True,
        description="How many printed boxes a page has; another number found goes to review.",
    )  # fmt: skip
    order: Literal["rows", "columns"] = Field(
        default="rows", description="How printed boxes are counted."
    )
    sheet_pages: int | None = Field(
        default=None, ge=1, le=MAX_PAGES, strict=True,
        description="The document is one sheet of so many pages after the other, each with the "
        "same boxes; null: it is one sheet.",
    )  # fmt: skip
    key: list[Annotated[list[Right], Field(min_length=1, max_length=MAX_RIGHT)]] | None = Field(
        default=None, min_length=1, max_length=MAX_BOXES,
        description="For each box in turn every answer that is right.",
    )  # fmt: skip
    compare: Literal["value", "text"] = Field(
        default="value",
        description="`value`: 0.50 is 0.5 and 2/4 is 1/2; `text`: only what is written the same.",
    )
    signs: bool = Field(default=True, description="Whether a minus may stand before a number.")
    decimals: bool = Field(default=True, description="Whether there are decimal points.")
    fractions: bool = Field(default=False, description="Whether there are fractions with a slash.")

    @property
    def allowed(self) -> str:
        """The signs that may stand beside digits."""
        return "-" * self.signs + "." * self.decimals + "/" * self.fractions

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """Refuse boxes, key and pages that do not fit each other."""
        if self.boxes is not None:
            if self.answers is not None:
                raise ValueError("answers is for printed boxes: leave it out where boxes are given")
            if self.key is not None and len(self.key) != len(self.boxes):
                raise ValueError("key needs one entry for each box")
            if self.sheet_pages and max(box.page for box in self.boxes) > self.sheet_pages:
                raise ValueError("a box lies on a page behind the sheet's last")
        elif self.sheet_pages not in {None, 1}:
            raise ValueError("printed boxes are counted page by page: sheet_pages is 1 or null")
        return self


class DigitsParams(DocumentParams, _Reading):
    """Read numbers written by hand into boxes."""


class DigitsPagesParams(_Reading):
    """Read some pages of a longer document."""

    upload: UUID
    origin: int = Field(ge=1, le=MAX_PAGES, description="The first page of the whole job.")
    first_page: int = Field(ge=1, le=MAX_PAGES)
    last_page: int = Field(ge=1, le=MAX_PAGES)
