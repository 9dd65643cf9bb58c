"""`video.piece`: one piece of a lecture that `video.transcode` divided."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from academy.core.crash import crash_point
from academy.jobs.context import Artifact, Done, JobContext
from academy.jobs.errors import JobError, PermanentError, TransientError
from academy.media import binaries
from academy.media.commands import Follow
from academy.sandbox import process
from academy.video import command, lecture, pieces, storyboard, validate
from academy.video.chunks import Chunk
from academy.video.handlers import comparison, economy, fallback, packaging
from academy.video.handlers.steps import (
    PIECE_DOWNLOADING,
    PIECE_TRANSCODING,
    PIECE_UPLOADING,
    PIECE_VALIDATING,
)
from academy.video.handlers.workbench import Workbench
from academy.video.params import PieceParams
from academy.video.upload import SegmentUploader, content_type

# What ffmpeg says, and exits with 0, where it could not decode anything.
_NOTHING_MADE = "nothing was encoded"


def run(context: JobContext[PieceParams]) -> Done:
    """Encode one piece, check every frame of it, and store it."""
    bench = Workbench(context)
    made = lecture.loads(bench.read(context.params.plan))
    piece = made.piece(context.params.piece)
    why = fallback.refusal(bench, made, piece)
    if why is not None:
        return fallback.given_up(bench, made, piece, why)
    work = (_Sound if piece.chunk is None else _Chunk)(bench, made, piece)
    cipher = packaging.cipher(bench, made.digest, made.segments_per_key)
    with SegmentUploader(
        bench.objects, context.output_prefix, bench.folder, work.first_numbers(),
        encryptor=None if cipher is None else cipher.encryptor,
    ) as uploader:  # fmt: skip
        try:
            done = _made(work, uploader)
        except JobError as error:
            why = fallback.failure(bench, made, piece, error)
            return fallback.given_up(bench, made, piece, why)
        crash_point("piece.encoded")
        facts = {one.name: _measured(bench, one) for one in done.renditions}
        about = {
            "digest": made.digest, "piece": piece.name, "facts": facts,
            "errors": done.errors, "lost": done.lost,
        }  # fmt: skip
        sprite = packaging.sprite_of_piece(bench, made, piece, done.renditions)
        if sprite is not None:
            about["storyboard"] = storyboard.measured(sprite)
        if not done.lost:
            about["quality"] = comparison.of_piece(bench, made, piece, done.renditions, work.source)
        return _stored(bench, uploader, done.renditions, about)


class _Encoded(NamedTuple):
    """How an encoder ended: errors met in the source, and frames made; 0 tells that nothing was."""

    errors: int
    frames: int


class _Made(NamedTuple):
    """What a piece has come to; ``lost`` counts the frames of the source that were not there."""

    errors: int
    lost: int
    renditions: list[validate.Rendition]


def _made(work: _Chunk | _Sound, uploader: SegmentUploader) -> _Made:
    """Encode and check. A copied rung that is not as it must be is left out: see join."""
    bench = work.bench
    if isinstance(work, _Chunk) and work.copied:
        try:
            errors, _ = work.encode(uploader)
            economy.refuse_damage(errors)
            return _Made(errors, 0, _checked(work))
        except (PermanentError, TransientError) as error:
            bench.context.raise_if_cancelled()
            bench.context.log.warning("%s cannot be copied: %s", work.made.plan.copied, error)
            work = work.without_copy()
            if not work.piece.rungs:
                return _Made(0, 0, [])
    errors, frames = work.encode(uploader)
    lost = work.lost(frames)
    fallback.refuse_loss(work.made, work.piece, lost)
    if lost:
        uploader.begin_again(on_wait=bench.context.raise_if_cancelled)
        for path in bench.folder.iterdir():
            path.unlink()
        work.encode_in_place_of_lost(uploader, frames)
    elif errors and not work.has_own():
        # What was made are pictures of the chunk before or after.
        lost = work.frames
    if lost:
        bench.context.log.warning("%d of %d frames cannot be decoded", lost, work.frames)
    return _Made(max(errors, int(lost > 0)), lost, _checked(work))


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

    @property
    def frames(self) -> int:
        """How many it must have."""
        return self.chunk.frames

    def lost(self, frames: int) -> int:
        """How many it lacks where the encoder made so many.

        The filters fill a hole with the picture before it, and a chunk to its end. Without one
        picture there is nothing to fill it with, and the last chunk ends where its source does.
        """
        short = self.frames - frames
        return short if not frames or short > validate.LAST_CHUNK_TOLERANCE else 0

    def first_numbers(self) -> dict[str, int]:
        """The number of the first segment of each rendition."""
        return dict.fromkeys(self.piece.rungs, self.chunk.segment(self.made.plan.grid))

    def encode(self, uploader: SegmentUploader) -> _Encoded:
        """Fetch what the chunk needs, and make its segments."""
        assert self.made.pictures is not None
        self.bench.say(PIECE_DOWNLOADING, 0)
        self.bench.fetch(
            self.made.pictures.key,
            self.source,
            size=self.made.pictures.size,
            step=PIECE_DOWNLOADING,
            ranges=self.chunk.ranges,
        )
        return self._encoded(uploader, self.chunk)

    def encode_in_place_of_lost(self, uploader: SegmentUploader, frames: int) -> None:
        """Make them once more, held on the last picture to the end; black where there is none."""
        if frames:
            self._encoded(uploader, replace(self.chunk, is_last=False))
            return
        argv = command.encode_black(
            self.bench.tools.ffmpeg, self.made.plan, self.chunk, rungs=self.piece.rungs
        )
        self._followed(argv, uploader)

    def has_own(self) -> bool:
        """Whether one picture of the source that belongs to the chunk can be decoded."""
        plan = self.made.plan
        argv = command.decode_chunk(self.bench.tools.ffmpeg, plan, self.chunk, self.source)
        counted = Follow("frame", self.frames, lambda *_, **__: None)
        self.bench.follow(
            argv,
            reads=[self.source],
            writes=[],
            cpu_seconds=900 + 60 * int(self.frames / plan.grid.rate),
            on_line=counted.line,
        )
        return counted.done > 0

    @property
    def source(self) -> Path:
        """Where the fetched parts of the recording are."""
        return self.bench.context.scratch / "source.mp4"

    def _encoded(self, uploader: SegmentUploader, chunk: Chunk) -> _Encoded:
        plan, ffmpeg = self.made.plan, self.bench.tools.ffmpeg
        tone_mapper = binaries.tone_mapper(ffmpeg) if plan.tonemap else None
        if plan.tonemap and tone_mapper is None:
            raise PermanentError("video_hdr_unsupported")
        argv = command.encode_chunk(
            ffmpeg, plan, chunk, self.source, rungs=self.piece.rungs, tone_mapper=tone_mapper
        )
        return self._followed(argv, uploader)

    def _followed(self, argv: list[str], uploader: SegmentUploader) -> _Encoded:
        plan = self.made.plan
        assert plan.source.video is not None
        mark = f"[dec:{plan.source.video.codec} "
        return _followed(
            self.bench, argv, self.source, uploader,
            follow=Follow("frame", self.frames, _teller(self.bench)),
            cpu_seconds=900 + 60 * int(self.frames / plan.grid.rate),
            # The sound of the file is not read here, and what was not fetched is no damage.
            is_error=lambda line: process.says_error(line) and mark in line,
            on_gpu=fallback.needs_nvenc(self.made, self.piece),
        )  # fmt: skip

    def check(self) -> list[validate.Rendition]:
        """Every frame at its place. Raises OutputInvalidError."""
        return validate.check_chunk(self.made.plan, self.chunk, self.piece.rungs, self.bench.folder)


@dataclass(frozen=True)
class _Sound:
    """All of the sound: a few seconds of work for an hour of lecture."""

    bench: Workbench
    made: lecture.LecturePlan
    piece: lecture.Piece

    def first_numbers(self) -> dict[str, int]:
        """The number of the first segment."""
        return {command.AUDIO_NAME: 0}

    @property
    def frames(self) -> int:
        """Of the pictures that it goes with."""
        return self.made.frames

    def lost(self, frames: int) -> int:
        """How many of these are without sound: all, or (as far as anybody can know) none."""
        return 0 if frames else self.frames

    def has_own(self) -> bool:
        """Whether there is sound: what was made is."""
        return True

    def encode(self, uploader: SegmentUploader) -> _Encoded:
        """Fetch the sound, and make its segments."""
        assert self.made.sound is not None
        self.bench.say(PIECE_DOWNLOADING, 0)
        self.bench.fetch(
            self.made.sound.key, self.source, size=self.made.sound.size, step=PIECE_DOWNLOADING
        )
        argv = command.encode_sound(self.bench.tools.ffmpeg, self.made.plan, self.source)
        return self._followed(argv, uploader)

    def encode_in_place_of_lost(self, uploader: SegmentUploader, frames: int) -> None:  # noqa: ARG002
        """Silence."""
        plan, ffmpeg = self.made.plan, self.bench.tools.ffmpeg
        argv = command.encode_silence(ffmpeg, plan, float(self.frames / plan.grid.rate))
        self._followed(argv, uploader)

    @property
    def source(self) -> Path:
        """Where the fetched sound is."""
        return self.bench.context.scratch / lecture.SOUND

    def _followed(self, argv: list[str], uploader: SegmentUploader) -> _Encoded:
        seconds = self.frames / self.made.plan.grid.rate
        return _followed(
            self.bench, argv, self.source, uploader,
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
    on_gpu: bool = False,
) -> _Encoded:
    bench.say(PIECE_TRANSCODING, 0)
    outcome = bench.follow(
        argv,
        reads=[source],
        cpu_seconds=cpu_seconds,
        on_line=follow.line,
        on_tick=uploader.scan,
        is_error=is_error,
        on_gpu=on_gpu,
    )
    try:
        bench.judge(outcome)
    except PermanentError as error:
        if error.code != "video_damaged":
            raise
        return _Encoded(max(1, outcome.errors), 0)
    return _Encoded(outcome.errors, 0 if _NOTHING_MADE in outcome.said else max(1, follow.done))


def _checked(work: _Chunk | _Sound) -> list[validate.Rendition]:
    work.bench.say(PIECE_VALIDATING, 0)
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
        result={**result, "timings": bench.timings()},
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
