"""Divide a lecture: find where its pictures lie, write the plan down, and send its pieces out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypedDict

from academy.core.crash import crash_point
from academy.jobs.context import FanOut
from academy.jobs.errors import PermanentError
from academy.uploads.models import Upload
from academy.video import chunks, command, encoders, ladder, lecture
from academy.video.handlers import economy, flow, packaging
from academy.video.handlers.steps import PROBING, TRANSCODING
from academy.video.handlers.workbench import Workbench
from academy.video.packets import outside_media
from academy.video.upload import content_type

_CPU_SECONDS = 900


@dataclass(frozen=True)
class _Tracks:
    """Where the pieces will find their pictures and sound, and how the pictures can be read."""

    plan: ladder.Plan
    pictures: Path
    sound: Path | None
    outside: tuple[tuple[int, int], ...] | None
    reasons: tuple[str, ...] = ()
    is_copy: bool = False


class _Where(TypedDict):
    """What chunks.divide needs to know of the file."""

    start: Fraction
    size: int
    outside: tuple[tuple[int, int], ...] | None


def divide(bench: Workbench, plan: ladder.Plan, source: Path, upload: Upload) -> FanOut:
    """Send out every piece that no earlier run has finished."""
    bench.say(PROBING, 0.2)
    tracks = _separate(bench, plan, source)
    bench.say(PROBING, 0.6)
    made = _decide(bench, tracks, upload)
    key = bench.context.output_prefix + lecture.PLAN
    bench.put_bytes(key, lecture.dumps(made), content_type(lecture.PLAN))
    bench.context.save_checkpoint({"plan": key, **flow.times(bench)})
    crash_point("video.planned")
    bench.say(TRANSCODING, 0)
    return flow.fan_out(bench, key, made)


def _separate(bench: Workbench, plan: ladder.Plan, source: Path) -> _Tracks:
    """Copy the sound out, and the pictures too where the container cannot be read in parts."""
    container = plan.source.container
    outside = outside_media(source) if chunks.SPARSE_CONTAINER in container else None
    sound = bench.context.scratch / lecture.SOUND if plan.audio_index is not None else None
    if outside is not None:
        if sound is not None and not _demuxed(bench, plan, source, None, sound):
            raise PermanentError("video_damaged")
        return _Tracks(plan, source, sound, outside)
    pictures = bench.context.scratch / lecture.PICTURES
    if _demuxed(bench, plan, source, pictures, sound):
        assert plan.source.video is not None
        video = replace(plan.source.video, index=0)
        # The copy holds the pictures alone, and its clock starts at 0.
        moved = replace(plan, source=replace(plan.source, video=video, start=Fraction(0)))
        why = f"{container} cannot be read in parts: its pictures were copied into MP4"
        return _Tracks(moved, pictures, sound, outside_media(pictures), (why,), is_copy=True)
    if sound is not None and not _demuxed(bench, plan, source, None, sound):
        raise PermanentError("video_damaged")
    why = f"{container} fits into no MP4: every piece fetches the whole file"
    return _Tracks(plan, source, sound, None, (why,))


def _demuxed(
    bench: Workbench, plan: ladder.Plan, source: Path, pictures: Path | None, sound: Path | None
) -> bool:
    """Copy tracks into files of their own; False where they cannot be."""
    bench.require_disk(plan.source.size)
    targets = [path for path in (pictures, sound) if path is not None]
    for path in targets:
        path.touch()
    argv = command.demux(bench.tools.ffmpeg, plan, source, pictures=pictures, sound=sound)
    outcome = bench.follow(
        argv,
        reads=[source],
        writes=targets,
        file_bytes=2 * plan.source.size + (64 << 20),
        cpu_seconds=_CPU_SECONDS,
        on_line=lambda line: line.startswith("out_time"),
    )
    if outcome.stopped or outcome.stalled or outcome.killed:
        bench.judge(outcome)
    made = outcome.returncode == 0 and all(path.stat().st_size for path in targets)
    if not made:
        bench.context.log.info("cannot copy the tracks: %s", " | ".join(outcome.stderr[-3:]))
    return made


def _decide(bench: Workbench, tracks: _Tracks, upload: Upload) -> lecture.LecturePlan:
    plan = tracks.plan
    found = economy.scan(bench, plan, tracks.pictures)
    decided = economy.decide(bench, plan, tracks.pictures, found, tracks.outside)
    plan, total = decided.plan, decided.frames
    if not found.keys or total <= 0:
        raise PermanentError("video_damaged")
    where = _Where(
        start=plan.source.start, size=tracks.pictures.stat().st_size, outside=tracks.outside
    )
    if decided.keys:
        cut = chunks.divide_at_keys(plan.grid, total, found, decided.keys, **where)
    else:
        cut = chunks.divide(plan.grid, total, found, **where)
    plan, chosen = encoders.assigned(plan, divided=True)
    summary = (
        f"{total} frames in {len(cut)} chunks of about {chunks.CHUNK_SECONDS} s; "
        f"the longest time between key frames is {float(found.longest_gop):.1f} s"
    )
    reasons = (*tracks.reasons, summary, *chosen, *decided.reasons)
    for reason in reasons:
        bench.context.log.info("%s", reason)
    original = lecture.SourceObject(upload.key, upload.size)
    made = lecture.LecturePlan(
        version=lecture.FORMAT_VERSION,
        digest="",
        encoder=encoders.name(bench.tools.ffmpeg, plan.encoder),
        plan=plan,
        chunks=cut,
        pieces=lecture.pieces(plan, cut),
        pictures=_stored(bench, tracks.pictures) if tracks.is_copy else original,
        sound=None if tracks.sound is None else _stored(bench, tracks.sound),
        segments_per_key=packaging.segments_per_key(bench.context.params.profile),
        reasons=reasons,
        samples=decided.samples,
    )
    return lecture.with_digest(made, flow.source_name(upload))


def _stored(bench: Workbench, path: Path) -> lecture.SourceObject:
    key = bench.context.output_prefix + path.name
    bench.put_file(key, path, content_type(path.name))
    return lecture.SourceObject(key, path.stat().st_size)
