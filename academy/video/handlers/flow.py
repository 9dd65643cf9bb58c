"""The pieces of a lecture as jobs: how they are asked for, and how finished ones are found."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from uuid import UUID

from academy.core import clock
from academy.jobs.context import Child, FanOut
from academy.uploads.models import Upload
from academy.video.handlers.steps import JOIN_PHASE, TRANSCODING
from academy.video.handlers.workbench import Workbench
from academy.video.lecture import LecturePlan
from academy.video.models import VideoPiece

PIECE_KIND: Final = "video.piece"
JOIN: Final = JOIN_PHASE
"""The phase in which `video.transcode` comes back."""


def source_name(upload: Upload) -> str:
    """Names the bytes that a lecture is made of, for its digest."""
    return f"{upload.pk}:{upload.size}:{upload.sha256_b64 or ''}"


def child(plan_key: str, made: LecturePlan, piece: str, turn: int = 0) -> Child:
    """The job that makes one piece; ``turn`` counts how often it was found wanting."""
    anew = ".anew" if made.replanned else ""
    again = f".{turn}" if turn else ""
    return Child(f"{piece}{anew}{again}", PIECE_KIND, {"plan": plan_key, "piece": piece})


def times(bench: Workbench) -> dict[str, Any]:
    """For the checkpoint: what the steps took until the pieces are sent out, and when that is."""
    return {"timings": bench.timings(), "sent_at": clock.now().timestamp()}


def recall(bench: Workbench) -> None:
    """Have the workbench count what the attempts before the join took, and the pieces' time."""
    checkpoint = bench.context.checkpoint
    for name, seconds in checkpoint.get("timings", {}).items():
        bench.took(name, seconds)
    if (sent_at := checkpoint.get("sent_at")) is not None:
        bench.took(TRANSCODING.name, clock.now().timestamp() - sent_at)


def piece_timings(bench: Workbench) -> dict[str, float]:
    """Seconds that the steps of all pieces took together, by name, whichever host did them."""
    found: Counter[str] = Counter()
    for done in bench.context.children():
        found.update(done.result.get("timings", {}))
    return {name: round(seconds, 3) for name, seconds in found.items()}


def fan_out(bench: Workbench, plan_key: str, made: LecturePlan) -> FanOut:
    """Send out every piece of a plan that no earlier run has finished."""
    done = finished(bench.context.tenant_id, made.digest)
    left = [piece.name for piece in made.pieces if piece.name not in done]
    bench.context.log.info(
        "%d chunks, %d pieces, %d of them finished before",
        len(made.chunks), len(made.pieces), len(made.pieces) - len(left),
    )  # fmt: skip
    # A flow has at least one part: where all is there, the last is looked at again.
    wanted = left or [made.pieces[-1].name]
    return FanOut(
        [child(plan_key, made, name) for name in wanted], then=JOIN, until_percent=TRANSCODING.end
    )


def finished(tenant: UUID, digest: str) -> dict[str, VideoPiece]:
    """The finished pieces of a plan, by name."""
    rows = VideoPiece.objects.for_tenant(tenant).filter(digest=digest)
    return {row.name: row for row in rows}
