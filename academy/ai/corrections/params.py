"""Parameters and result of `ai.question_recut`, the job that a correction begins."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from academy.documents.schema import Enveloped, Published
from academy.jobs.kinds import Params

Box = tuple[int, int, int, int]


class CorrectedPiece(Params):
    """A picture to make: boxes of pages, one below the other."""

    name: str
    parts: list[tuple[int, Box]]


class RecutParams(Params):
    """Cut corrected questions out of their document."""

    upload: UUID
    pieces: list[CorrectedPiece]


class Recut(Published):
    """What was cut."""

    pieces: int = Field(description="Pictures, each an artifact.")


class RecutResult(Enveloped[Recut]):
    """Of `ai.question_recut`."""
