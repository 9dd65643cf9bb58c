"""`video.piece`: one piece of a lecture that `video.transcode` divided."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from academy.core.crash import crash_point
from academy.jobs.context import Artifact, Done, JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.sandbox import process
from academy.video import binaries, command, lecture, pieces, storyboard, validate
from academy.video.chunks import Chunk
from academy.video.handlers import economy, packaging
from academy.video.handlers.publish import encoder_name
from academy.video.handlers.steps import (
    PIECE_DOWNLOADING,
    PIECE_TRANSCODING,
    PIECE_UPLOADING,
    PIECE_VALIDATING,
)
from academy.video.handlers.workbench import Follow, Workbench
from academy.video.params import PieceParams
from academy.video.upload import SegmentUploader, content_type


def run(context: JobContext[PieceParams]) -> Done:
    """Encode one piece, check every frame of it, and store it."""
    bench = Workbench(context)
    made = lecture.loads(bench.objects.read(context.params.plan))
    here = encoder_name(bench.tools.ffmpeg)
    if here != made.encoder:
        # Another build makes other bytes, which would not join: a host of the right kind must.
        raise TransientError("video_encoder_differs", wanted=made.encoder, here=here)
    piece = made.piece(context.params.piece)
    work = _Sound(bench, made) if piece.chunk is None else _Chunk(bench, made, piece)
    cipher = packaging.cipher(bench, made.digest, made.segments_per_key)
    with SegmentUploader(
        bench.objects, context.output_prefix, bench.folder, work.first_numbers(),
        encryptor=None if cipher is None else cipher.encryptor,
    ) as uploader:  # fmt: skip
        errors, renditions = _made(work, uploader)
        crash_point("piece.encoded")
        facts = {one.name: _measured(bench, one) for one in renditions}
        about = {"digest": made.digest, "piece": piece.name, "errors": errors, "facts": facts}
        sprite = packaging.sprite_of_piece(bench, made, piece, renditions)
        if sprite is not None:
            about["storyboard"] = storyboard.measured(sprite)
        return _stored(bench, uploader, renditions, about)


def _made(work: _Chunk | _Sound, uploader: SegmentUploader) -> tuple[int, list[validate.Rendition]]:
    """Encode and check. A copied rung that is not as it must be is left out: see join."""
    bench = work.bench
    if isinstance(work, _Chunk) and work.copied:
        try:
            errors = work.encode(uploader)
            bench.say(PIECE_VALIDATING, 0)
            economy.refuse_damage(errors)
            return errors, _checked(work)
        except (PermanentError, TransientError) as error:
            bench.context.raise_if_cancelled()
            bench.context.log.warning("%s cannot be copied: %s", work.made.plan.copied, error)
            work = work.without_copy()
            if not work.piece.rungs:
                return 0, []
    errors = work.encode(uploader)
    bench.say(PIECE_VALIDATING, 0)
    return errors, _checked(work)


@dataclass(frozen=True)
class _Chunk:
    """Some rungs of one chunk."""

    bench: Workbench
    made: lecture.LecturePlan
    piece: lecture.Piece

    @property
    def chunk(self) -> Chunk:
        """The frames that it covers."""
        return self.made.chunk(self.piece)

    @property
    def copied(self) -> bool:
        """Whether one of its rungs is copied."""
        return self.made.plan.copied in self.piece.rungs

    def without_copy(self) -> _Chunk:
        """The same but for the rung that was to be copied."""
        rungs = tuple(name for name in self.piece.rungs if name != self.made.plan.copied)
        return replace(self, piece=replace(self.piece, rungs=rungs))

    def first_numbers(self) -> dict[str, int]:
        """The number of the first segment of each rendition."""
        return dict.fromkeys(self.piece.rungs, self.chunk.segment(self.made.plan.grid))

    def encode(self, uploader: SegmentUploader) -> int:
        """Make the segments; returns how many errors were met in the pictures."""
        plan, source = self.made.plan, self.bench.context.scratch / "source.mp4"
        assert self.made.pictures is not None
        assert plan.source.video is not None
        self.bench.say(PIECE_DOWNLOADING, 0)
        self.bench.fetch(
            self.made.pictures.key,
            source,
            size=self.made.pictures.size,
            step=PIECE_DOWNLOADING,
            ranges=self.chunk.ranges,
        )
        ffmpeg = self.bench.tools.ffmpeg
        if plan.tonemap and binaries.tone_mapper(ffmpeg) is None:
            raise PermanentError("video_hdr_unsupported")
        argv = command.encode_chunk(
            ffmpeg,
            plan,
            self.chunk,
            source,
            rungs=self.piece.rungs,
            tone_mapper=binaries.tone_mapper(ffmpeg) if plan.tonemap else None,
        )
        mark = f"[dec:{plan.source.video.codec} "
        return _followed(
            self.bench, argv, source, uploader,
            follow=Follow("frame", self.chunk.frames, _teller(self.bench)),
            cpu_seconds=900 + 60 * int(self.chunk.frames / plan.grid.rate),
            # The sound of the file is not read here, and what was not fetched is no damage.
            is_error=lambda line: process.says_error(line) and mark in line,
        )  # fmt: skip

    def check(self) -> list[validate.Rendition]:
        """Every frame at its place. Raises OutputInvalidError."""
        return validate.check_chunk(self.made.plan, self.chunk, self.piece.rungs, self.bench.folder)


@dataclass(frozen=True)
class _Sound:
    """All of the sound: a few seconds of work for an hour of lecture."""

    bench: Workbench
    made: lecture.LecturePlan

    def first_numbers(self) -> dict[str, int]:
        """The number of the first segment."""
        return {command.AUDIO_NAME: 0}

    def encode(self, uploader: SegmentUploader) -> int:
        """Make the segments; returns how many errors were met in the sound."""
        plan, source = self.made.plan, self.bench.context.scratch / lecture.SOUND
        assert self.made.sound is not None
        self.bench.say(PIECE_DOWNLOADING, 0)
        self.bench.fetch(
            self.made.sound.key, source, size=self.made.sound.size, step=PIECE_DOWNLOADING
        )
        argv = command.encode_sound(self.bench.tools.ffmpeg, plan, source)
        seconds = self.made.frames / plan.grid.rate
        return _followed(
            self.bench, argv, source, uploader,
            follow=Follow("out_time_us", float(seconds) * 1e6, _teller(self.bench)),
            cpu_seconds=900 + int(seconds),
        )  # fmt: skip

    def check(self) -> list[validate.Rendition]:
        """One rendition that starts with the pictures. Raises OutputInvalidError."""
        return [validate.check_sound(self.made.plan, self.bench.folder)]


def _teller(bench: Workbench) -> Any:
    return lambda share, eta: bench.say(PIECE_TRANSCODING, share, eta=eta)


def _followed(
    bench: Workbench,
    argv: list[str],
    source: Path,
    uploader: SegmentUploader,
    *,
    follow: Follow,
    cpu_seconds: int,
    is_error: Any = process.says_error,
) -> int:
    bench.say(PIECE_TRANSCODING, 0)
    outcome = bench.follow(
        argv,
        reads=[source],
        cpu_seconds=cpu_seconds,
        on_line=follow.line,
        on_tick=uploader.scan,
        is_error=is_error,
    )
    bench.judge(outcome)
    return outcome.errors


def _checked(work: _Chunk | _Sound) -> list[validate.Rendition]:
    try:
        renditions = work.check()
    except validate.OutputInvalidError as error:
        raise TransientError("video_output_invalid", problem=error.problem) from error
    for rendition in renditions:
        folder, names = work.bench.folder, rendition.media.names
        for name in dict.fromkeys((names[0], names[-1])):
            work.bench.check_decodes(folder / rendition.media.init, folder / name)
    return renditions


def _measured(bench: Workbench, rendition: validate.Rendition) -> dict[str, Any]:
    init = (bench.folder / rendition.media.init).read_bytes()
    return pieces.measured(rendition, hashlib.sha256(init).hexdigest())


def _stored(
    bench: Workbench,
    uploader: SegmentUploader,
    renditions: list[validate.Rendition],
    result: dict[str, Any],
) -> Done:
    context = bench.context
    files = [file for one in renditions for file in one.files]
    if "storyboard" in result:
        files.append(result["storyboard"]["name"])

    def stored(done: int, total: int) -> None:
        context.raise_if_cancelled()
        bench.say(PIECE_UPLOADING, done / total)

    sizes = uploader.put(files, on_done=stored)
    crash_point("piece.stored")
    context.log.info(
        "piece %s: %s; stored %d files, %.1f MB", context.params.piece,
        ", ".join(one.name for one in renditions), len(sizes), sum(sizes.values()) / 1e6,
    )  # fmt: skip
    return Done(
        result=result,
        artifacts=[
            Artifact(
                first.media.init,
                context.output_prefix + first.media.init,
                content_type(first.media.init),
                sizes[first.media.init],
            )
            for first in renditions[:1]
        ],
    )
