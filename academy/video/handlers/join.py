"""Join the pieces of a lecture: check that they fit, then write playlists. No media is copied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from academy.jobs.context import Done, FanOut
from academy.jobs.errors import TransientError
from academy.video import lecture, pieces, playlist, validate
from academy.video.handlers import flow, publish
from academy.video.handlers.steps import TRANSCODING, VALIDATING
from academy.video.handlers.workbench import Workbench
from academy.video.upload import SegmentUploader

MAX_TURNS: Final = 3
"""How often a piece that does not fit is made again before the lecture fails."""


def join(bench: Workbench) -> Done | FanOut:
    """Join the lecture; where pieces do not fit, have those made again."""
    context = bench.context
    key = context.checkpoint["plan"]
    made = lecture.loads(bench.objects.read(key))
    bench.say(VALIDATING, 0)
    rows = flow.finished(context.tenant_id, made.digest)
    parts = {
        name: {
            rendition: pieces.part(name, row.prefix, facts)
            for rendition, facts in row.facts["renditions"].items()
        }
        for name, row in rows.items()
    }
    try:
        output = pieces.join(made, parts)
    except pieces.PiecesInvalidError as error:
        return _again(bench, key, error)
    errors = sum(row.facts["errors"] for row in rows.values())
    damage = validate.damage(made.plan, output, errors)
    return _published(bench, made, output, damage)


def _again(bench: Workbench, key: str, error: pieces.PiecesInvalidError) -> FanOut:
    context = bench.context
    turn = int(context.checkpoint.get("turn", 0)) + 1
    context.log.warning("pieces do not join (%s): %s", error.problem, ", ".join(error.names))
    if turn > MAX_TURNS:
        raise TransientError("video_output_invalid", problem=error.problem)
    context.save_checkpoint({**context.checkpoint, "turn": turn})
    return FanOut(
        [flow.child(key, name, turn) for name in error.names],
        then=flow.JOIN,
        until_percent=TRANSCODING.end,
    )


def _published(
    bench: Workbench,
    made: lecture.LecturePlan,
    output: validate.Output,
    damage: validate.Damage | None,
) -> Done:
    for rendition in output.renditions:
        text = playlist.media(rendition.media)
        (bench.folder / rendition.playlist_name).write_text(text)
    (bench.folder / lecture.PLAN).write_bytes(lecture.dumps(made))
    top = output.pictures[0].media
    publish.poster(bench, _picture(bench, [top.init, top.names[len(top.names) // 10]]))
    with SegmentUploader(bench.objects, bench.context.output_prefix, bench.folder, {}) as uploader:
        return publish.publish(
            bench, made.plan, output, damage, uploader,
            media=(), extra=(lecture.PLAN,),
            about={"chunks": len(made.chunks), "digest": made.digest},
        )  # fmt: skip


def _picture(bench: Workbench, keys: Sequence[str]) -> Path:
    """One segment with its init segment, fetched."""
    piece = bench.context.scratch / "piece.mp4"
    with piece.open("wb") as joined:
        for key in keys:
            joined.write(bench.objects.read(key.removeprefix("/")))
    return piece
