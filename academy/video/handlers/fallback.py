"""When the encoder to which a lecture is pinned cannot be had: plan it anew, for x264, once.

One lecture is one encoder's work, so that a piece never takes another by itself. It gives up
instead: it ends as done, with nothing but the reason, so that the flow goes on to its join. The
pieces that come after it see that and give up at once, and the join has everything planned anew.
Whatever dies in between finds in the checkpoint which plan holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from academy.core.crash import crash_point
from academy.jobs.context import Done, FanOut
from academy.jobs.errors import JobError, TransientError, UnsuitableHostError
from academy.uploads.services import upload_get
from academy.video import deletion, encoders, lecture
from academy.video.handlers import flow
from academy.video.handlers.workbench import Workbench
from academy.video.ladder import Encoder
from academy.video.models import VideoPiece
from academy.video.upload import content_type

MAX_REFUSALS: Final = 3
"""How often a piece looks for a host that can encode it, before it gives up."""
REFUSED: Final = "refused"
"""Under this name a piece that gave up says why, in its result and its facts."""
_ABANDONED: Final = "abandoned"
_KILLED: Final = "video_worker_killed"
OF_THE_ENCODER: Final = frozenset(
    {
        "video_damaged", "video_encode_failed", "video_output_invalid", "video_stalled",
        "video_unsupported_format", _KILLED,
    }
)  # fmt: skip
"""What an encoder that fails, hangs or makes something else comes to."""


def needs_nvenc(made: lecture.LecturePlan, piece: lecture.Piece) -> bool:
    """Whether a rung of the piece is encoded by a graphics card."""
    return made.encoder_of(piece) is Encoder.NVENC


def refusal(bench: Workbench, made: lecture.LecturePlan, piece: lecture.Piece) -> str | None:
    """Why this piece is given up before it is begun; None where this host encodes it.

    Raises UnsuitableHostError(``video_encoder_differs``) where another host may have what it needs,
    and for a plan that has no other TransientError.
    """
    if not made.replanned and (why := _given_up_before(bench, made)) is not None:
        return why
    here = encoders.name(bench.tools.ffmpeg, made.plan.encoder)
    if here == made.encoder and needs_nvenc(made, piece) and not encoders.hardware().nvenc:
        here = encoders.name(bench.tools.ffmpeg, Encoder.X264)
    elif here == made.encoder:
        return None
    # Another encoder makes other bytes, which would not join: a host of the right kind must.
    about: dict[str, Any] = {"wanted": made.encoder, "here": here}
    if made.replanned:
        raise TransientError("video_encoder_differs", **about)
    _refuse(bench, UnsuitableHostError("video_encoder_differs", **about))
    return f"{made.encoder} was not to be had for {piece.name}: the last host has {here}"


def failure(
    bench: Workbench, made: lecture.LecturePlan, piece: lecture.Piece, error: JobError
) -> str:
    """Why this piece is given up after an error. Raises the error where it is none of NVENC's."""
    bench.context.raise_if_cancelled()
    if not needs_nvenc(made, piece) or error.code not in OF_THE_ENCODER:
        raise error
    # Whether the card still works is to be seen before the next lecture is given to it.
    encoders.forget()
    if error.code == _KILLED:
        _refuse(bench, error)
    return f"NVENC failed in {piece.name}: {error}"


def refuse_loss(made: lecture.LecturePlan, piece: lecture.Piece, lost: int) -> None:
    """TransientError where NVENC made too few frames: whose fault that is, x264 will tell."""
    if lost and needs_nvenc(made, piece):
        raise TransientError("video_output_invalid", problem=f"{lost} frames are missing")


def given_up(bench: Workbench, made: lecture.LecturePlan, piece: lecture.Piece, why: str) -> Done:
    """The end of a piece that was not made."""
    bench.context.log.warning("not encoded: %s", why)
    return Done(
        result={
            "digest": made.digest, "piece": piece.name, "errors": 0, "facts": {}, REFUSED: why,
        }
    )  # fmt: skip


def reason(rows: Mapping[str, VideoPiece]) -> str | None:
    """Why a lecture must be planned anew, from its finished pieces; None where it need not."""
    told = (row.facts.get(REFUSED) for row in rows.values())
    return next((str(why) for why in told if why), None)


def replanned(bench: Workbench, made: lecture.LecturePlan, why: str) -> FanOut:
    """Have the lecture encoded with this host's x264. What is finished of that is used."""
    context = bench.context
    upload = upload_get(tenant=context.tenant_id, upload_id=context.params.upload)
    anew = lecture.replanned(
        made,
        encoder=encoders.name(bench.tools.ffmpeg, Encoder.X264),
        source=flow.source_name(upload),
        why=why,
    )
    context.log.warning("%s", anew.reasons[-1])
    key = context.output_prefix + lecture.REPLANNED_PLAN
    bench.put_bytes(key, lecture.dumps(anew), content_type(lecture.REPLANNED_PLAN))
    context.save_checkpoint({**context.checkpoint, "plan": key, "turn": 0, _ABANDONED: made.digest})
    crash_point("video.replanned")
    forget_abandoned(bench)
    return flow.fan_out(bench, key, anew)


def forget_abandoned(bench: Workbench) -> None:
    """Have no flow find the pieces of the plan that was given up. Safe to call again."""
    digest: Any = bench.context.checkpoint.get(_ABANDONED)
    if digest:
        job = bench.context.job_id
        deletion.pieces_abandon(bench.context.tenant_id, digest, job_id=job, mark=REFUSED)


def _given_up_before(bench: Workbench, made: lecture.LecturePlan) -> str | None:
    rows = VideoPiece.objects.for_tenant(bench.context.tenant_id).filter(digest=made.digest)
    facts: dict[str, Any] | None = (
        rows.filter(facts__has_key=REFUSED).values_list("facts", flat=True).first()
    )
    return None if facts is None else str(facts[REFUSED])


def _refuse(bench: Workbench, error: JobError) -> None:
    """Raise the error, for another try elsewhere, unless there have been enough of them."""
    refusals = int(bench.context.checkpoint.get("refusals", 0)) + 1
    if refusals < MAX_REFUSALS:
        bench.context.save_checkpoint({**bench.context.checkpoint, "refusals": refusals})
        raise error
