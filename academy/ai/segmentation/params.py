"""Parameters of `ai.question_segmentation`, as clients submit them, and of its parts."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from academy.ai.pages.params import DocumentParams
from academy.jobs.kinds import Params

Box = tuple[int, int, int, int]


class SegmentationParams(DocumentParams):
    """Divide a printed test into its questions: with a text layer, scanned or photographed."""


class LookParams(Params):
    """Look at one range of pages of a longer document; both ends belong to it."""

    upload: UUID
    first_page: int
    last_page: int


class WantedPiece(Params):
    """What is to be cut out: pages with boxes on them."""

    name: str
    parts: list[tuple[int, Box]]


class CutParams(Params):
    """Cut questions out of a longer document; ``angles`` as the pages were straightened."""

    upload: UUID
    pieces: list[WantedPiece]
    angles: dict[int, float] = Field(default_factory=dict)
