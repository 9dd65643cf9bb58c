"""The pieces of a lecture as jobs: how they are asked for, and how finished ones are found."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from academy.jobs.context import Child
from academy.video.models import VideoPiece

PIECE_KIND: Final = "video.piece"
JOIN: Final = "join"
"""The phase in which `video.transcode` comes back."""


def child(plan_key: str, piece: str, turn: int = 0) -> Child:
    """The job that makes one piece; ``turn`` counts how often it was found wanting."""
    key = piece if turn == 0 else f"{piece}.{turn}"
    return Child(key, PIECE_KIND, {"plan": plan_key, "piece": piece})


def finished(tenant: UUID, digest: str) -> dict[str, VideoPiece]:
    """The finished pieces of a plan, by name."""
    rows = VideoPiece.objects.for_tenant(tenant).filter(digest=digest)
    return {row.name: row for row in rows}
