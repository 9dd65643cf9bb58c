"""Join the pieces of a lecture: check that they fit, then write playlists. No media is copied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from academy.core.crash import crash_point
from academy.jobs.context import Done, FanOut
from academy.jobs.errors import TransientError
from academy.video import command, lecture, pieces, playlist, quality, storyboard, validate
from academy.video.handlers import fallback, flow, losses, packaging, publish
from academy.video.handlers.steps import TRANSCODING, VALIDATING
from academy.video.handlers.workbench import Workbench
from academy.video.ladder import Encoder
from academy.video.models import VideoPiece
from academy.video.storyboard import STORYBOARD
from academy.video.upload import SegmentUploader, content_type

MAX_TURNS: Final = 3
"""How often a piece that does not fit is made again before the lecture fails."""


def join(bench: Workbench) -> Done | FanOut:
    """Join the lecture; where pieces do not fit, have those made again."""
    context = bench.context
    key = context.checkpoint["plan"]
    made = lecture.loads(bench.read(key))
    flow.recall(bench)
    bench.say(VALIDATING, 0)
    fallback.forget_abandoned(bench)
    rows = flow.finished(context.tenant_id, made.digest)
    if (why := fallback.reason(rows)) is not None:
        return fallback.replanned(bench, made, why)
    refused = _refusal(made, rows)
    if refused is not None:
        return _recoded(bench, made, refused)
    parts = {
        name: {
            rendition: pieces.part(name, row.prefix, facts)
            for rendition, facts in row.facts["renditions"].items()
        }
        for name, row in rows.items()
    }
    try:
        _require_stored(bench, rows, parts)
        output = pieces.join(made, parts)
    except pieces.PiecesInvalidError as error:
        if made.plan.copied is not None and not error.missing:
            return _recoded(bench, made, error.problem)
        return _again(bench, made, key, error)
    errors = sum(chunk["errors"] for chunk in losses.damaged_chunks(made, rows))
    if (sound := rows.get(command.AUDIO_NAME)) is not None:
        errors += sound.facts["errors"]
    damage = validate.damage(made.plan, output, errors, losses.gaps(made, rows))
    crash_point("video.joined")
    return _published(bench, made, rows, output, damage)


def _require_stored(
    bench: Workbench,
    rows: Mapping[str, VideoPiece],
    parts: Mapping[str, Mapping[str, pieces.Part]],
) -> None:
    """PiecesInvalidError for pieces of which an object is gone: a finished one may be old."""
    gone = []
    for number, (name, row) in enumerate(rows.items()):
        bench.say(VALIDATING, number / len(rows))
        stored = bench.keys(row.prefix)
        wanted = {
            row.prefix + file
            for one in parts[name].values()
            for file in (one.init_name, *one.names)
        }
        if not wanted <= stored:
            gone.append(name)
    if gone:
        raise pieces.PiecesInvalidError(gone, "objects are gone", missing=True)


def _refusal(made: lecture.LecturePlan, rows: Mapping[str, VideoPiece]) -> str | None:
    """Why the copied rung cannot be used; None where it can, or nothing is copied.

    Packets that a decoder stumbled over are no better for having been copied.
    """
    copied = made.plan.copied
    if copied is None:
        return None
    for piece in made.pieces:
        row = rows.get(piece.name)
        if row is not None and copied in piece.rungs and copied not in row.facts["renditions"]:
            return f"the copy in {piece.name} did not pass its checks"
    damaged = [name for name, row in rows.items() if row.facts["errors"]]
    return f"the source is damaged in {damaged[0]}" if damaged else None


def _recoded(bench: Workbench, made: lecture.LecturePlan, why: str) -> Done | FanOut:
    """Have the copied rung encoded; everything else that is finished is kept."""
    context = bench.context
    made = lecture.recoded(made, why)
    context.log.warning("%s", made.reasons[-1])
    key = context.output_prefix + lecture.RECODED_PLAN
    bench.put_bytes(key, lecture.dumps(made), content_type(lecture.RECODED_PLAN))
    context.save_checkpoint({**context.checkpoint, "plan": key})
    return flow.fan_out(bench, key, made)


def _again(
    bench: Workbench, made: lecture.LecturePlan, key: str, error: pieces.PiecesInvalidError
) -> FanOut:
    context = bench.context
    turn = int(context.checkpoint.get("turn", 0)) + 1
    context.log.warning("pieces do not join (%s): %s", error.problem, ", ".join(error.names))
    if turn > MAX_TURNS and made.plan.encoder is not Encoder.X264:
        return fallback.replanned(bench, made, error.problem)
    if turn > MAX_TURNS:
        raise TransientError("video_output_invalid", problem=error.problem)
    context.save_checkpoint({**context.checkpoint, "turn": turn})
    return FanOut(
        [flow.child(key, made, name, turn) for name in error.names],
        then=flow.JOIN,
        until_percent=TRANSCODING.end,
    )


def _published(
    bench: Workbench,
    made: lecture.LecturePlan,
    rows: Mapping[str, VideoPiece],
    output: validate.Output,
    damage: validate.Damage | None,
) -> Done:
    for rendition in output.renditions:
        key = packaging.key_names(rendition.name, made.segments_per_key)
        text = playlist.media(rendition.media, key=key)
        (bench.folder / rendition.playlist_name).write_text(text)
    (bench.folder / lecture.PLAN).write_bytes(lecture.dumps(made))
    top = output.pictures[0].media
    name = losses.telling_segment(top, () if damage is None else damage.gaps)
    publish.poster(bench, _picture(bench, made, top.init, name))
    extra = (lecture.PLAN, STORYBOARD) if _told(bench, made, rows) else (lecture.PLAN,)
    compared = quality.of_lecture(made.plan, [row.facts for row in rows.values()])
    with SegmentUploader(bench.objects, bench.context.output_prefix, bench.folder, {}) as uploader:
        return publish.publish(
            bench, made.plan, output, damage, uploader,
            media=(), extra=extra,
            about={
                "chunks": len(made.chunks),
                "piece_timings": flow.piece_timings(bench),
                "digest": made.digest,
                "damaged_chunks": losses.damaged_chunks(made, rows),
                "quality": compared,
                "warnings": quality.warnings(compared),
                "encrypted": made.segments_per_key > 0,
                "storyboard": STORYBOARD if STORYBOARD in extra else None,
            },
        )  # fmt: skip


def _picture(bench: Workbench, made: lecture.LecturePlan, init: str, segment: str) -> Path:
    """One segment with its init segment, fetched."""
    data = bench.read(segment.removeprefix("/"))
    cipher = packaging.cipher(bench, made.digest, made.segments_per_key)
    if cipher is not None:
        data = cipher.decrypted(segment.rpartition("/")[2], data)
    piece = bench.context.scratch / "piece.mp4"
    piece.write_bytes(bench.read(init.removeprefix("/")) + data)
    return piece


def _told(bench: Workbench, made: lecture.LecturePlan, rows: Mapping[str, VideoPiece]) -> bool:
    """Write the storyboard; False where a chunk has no sprite."""
    drawn = {
        row.facts["storyboard"]["name"]: storyboard.read(row.facts["storyboard"], f"/{row.prefix}")
        for piece in made.pieces
        if (row := rows[piece.name]).facts.get("storyboard")
    }
    if len(drawn) < len(made.chunks):
        bench.context.log.warning("no storyboard: %d of %d sprites", len(drawn), len(made.chunks))
        return False
    return packaging.write_storyboard(bench, list(drawn.values()))
