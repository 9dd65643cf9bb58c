"""`video.transcode`: from an uploaded recording to HLS that plays everywhere.

Each step is a module of its own; here is only their order, what a failure of each means, and what
the user sees meanwhile.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.conf import settings

from academy.core import clock
from academy.core.storage import Bucket, ObjectStore, store
from academy.jobs.context import Artifact, Done, JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.uploads.services import upload_get
from academy.video import binaries, command, download, ladder, process, sandbox, validate
from academy.video.manifest import MANIFEST, POSTER, describe, master_playlist
from academy.video.params import TranscodeParams
from academy.video.playlist import MASTER
from academy.video.probe import Prober
from academy.video.selectors import video_of_job
from academy.video.upload import SegmentUploader, content_type

STALL_SECONDS = 60.0
POSTER_WIDTH = 1280
_CHECK_SECONDS = 120.0
_EXIT_AFTER_SIGNAL = 255
# What ffmpeg says where an exit code does not tell one reason from another.
_EMPTY_TRACK = "at least one of its streams received no packets"
_SIGNS_OF_DAMAGE = ("Invalid data found", "matches no streams", _EMPTY_TRACK)
_SPARE_BYTES = 256 << 20
# How much of the rungs' caps a lecture fills at most, for the free-disk check.
_LIKELY_SHARE = 0.5


@dataclass(frozen=True)
class Step:
    """A stage that people see, and its part of the whole job in percent."""

    name: str
    start: float
    end: float

    def at(self, share: float) -> float:
        """Percent of the whole job when `share` (0 to 1) of this step is done."""
        return self.start + (self.end - self.start) * min(1.0, max(0.0, share))


DOWNLOADING = Step("downloading", 0, 6)
PROBING = Step("probing", 6, 8)
TRANSCODING = Step("transcoding", 8, 90)
VALIDATING = Step("validating", 90, 94)
THUMBNAIL = Step("thumbnail", 94, 96)
UPLOADING = Step("uploading", 96, 100)


def run(context: JobContext[TranscodeParams]) -> Done:
    """Transcode one upload.

    Raises PermanentError for a file that cannot be used, TransientError where another attempt can
    help, JobStopped when the attempt must end.
    """
    return _Transcode(context).run()


@dataclass
class _Transcode:
    """One attempt."""

    context: JobContext[TranscodeParams]
    tools: binaries.Binaries = field(init=False)
    objects: ObjectStore = field(init=False)
    source_path: Path = field(init=False)
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.tools = binaries.locate(settings.FFMPEG_BIN or "", settings.FFPROBE_BIN or "")
        self.objects = store(Bucket.VIDEO)
        self.source_path = self.context.scratch / "source"
        self.folder = self.context.scratch / "out"
        self.folder.mkdir()

    def run(self) -> Done:
        self._download()
        plan = self._probe()
        names = [rung.name for rung in plan.rungs]
        if plan.audio_index is not None:
            names.append(command.AUDIO_NAME)
        prefix = self.context.output_prefix
        with SegmentUploader(self.objects, prefix, self.folder, names) as uploader:
            errors = self._encode(plan, uploader)
            output, damage = self._validate(plan, errors)
            self._poster(plan, output)
            return self._publish(plan, output, damage, uploader)

    # ------------------------------------------------------------------ steps

    def _download(self) -> None:
        self._say(DOWNLOADING, 0)
        upload = upload_get(tenant=self.context.tenant_id, upload_id=self.context.params.upload)
        self._require_disk(upload.size)
        started = clock.monotonic()

        def on_bytes(done: int) -> None:
            self.context.raise_if_cancelled()
            speed = done / max(1e-3, clock.monotonic() - started)
            self._say(DOWNLOADING, done / upload.size, eta=(upload.size - done) / speed)

        download.fetch(
            self.objects,
            upload.key,
            self.source_path,
            size=upload.size,
            sha256_b64=upload.sha256_b64,
            on_bytes=on_bytes,
        )

    def _probe(self) -> ladder.Plan:
        self._say(PROBING, 0)
        source = Prober(self.tools, run=self._capture).probe(self.source_path)
        plan = ladder.plan(source)
        if plan.tonemap and binaries.tone_mapper(self.tools.ffmpeg) is None:
            raise PermanentError("video_hdr_unsupported")
        kbps = sum(rung.max_kbps for rung in plan.rungs) + ladder.AUDIO_KBPS
        self._require_disk(int(kbps * 125 * source.duration * _LIKELY_SHARE))
        return plan

    def _encode(self, plan: ladder.Plan, uploader: SegmentUploader) -> int:
        """Run the encoder; returns how many errors it met in the source."""
        self._say(TRANSCODING, 0)
        argv = command.encode(
            self.tools.ffmpeg,
            plan,
            self.source_path,
            tone_mapper=binaries.tone_mapper(self.tools.ffmpeg) if plan.tonemap else None,
        )
        limits = sandbox.Limits(cpu_seconds=900 + int(60 * plan.expected_seconds))
        encoder = self._process(argv, reads=[self.source_path], writes=[self.folder], limits=limits)
        follow = _Follow(plan, partial(self._say, TRANSCODING))

        def on_tick() -> None:
            self.context.raise_if_cancelled()
            uploader.scan()

        with self.context.on_stop(encoder.stop):
            outcome = encoder.run(on_line=follow.line, on_tick=on_tick, stall_seconds=STALL_SECONDS)
        self.context.raise_if_cancelled()
        return self._judge(plan, outcome)

    def _judge(self, plan: ladder.Plan, outcome: process.Outcome) -> int:
        """Raise what the end of the encoder means, unless it is sound; the errors it met."""
        if outcome.returncode == 0 and not outcome.stopped and not outcome.stalled:
            return outcome.errors
        said = outcome.said
        self.context.log.warning(
            "ffmpeg ended with %s: %s", outcome.returncode, " | ".join(outcome.stderr[-5:])
        )
        if outcome.stalled:
            raise TransientError("video_stalled", seconds=int(STALL_SECONDS))
        if "No space left on device" in said:
            raise TransientError("video_disk_full")
        if (
            outcome.killed
            or outcome.stopped
            or outcome.returncode in {sandbox.SETUP_FAILED, _EXIT_AFTER_SIGNAL}
            # The probe could open it: an encoder that cannot was interrupted while it tried.
            or "Error opening input" in said
        ):
            raise TransientError("video_worker_killed")
        if _EMPTY_TRACK in said and self._main_playlist(plan).exists():
            # A sound track that is declared and holds nothing: the pictures are complete.
            return 0
        if any(sign in said for sign in _SIGNS_OF_DAMAGE):
            raise PermanentError("video_damaged")
        raise PermanentError("video_encode_failed")

    def _validate(
        self, plan: ladder.Plan, errors: int
    ) -> tuple[validate.Output, validate.Damage | None]:
        self._say(VALIDATING, 0)
        if not self._main_playlist(plan).exists():
            # The encoder is content, and yet not one frame of the source could be decoded.
            raise PermanentError("video_damaged")
        try:
            output = validate.check(plan, self.folder)
        except validate.OutputInvalidError as error:
            raise TransientError("video_output_invalid", problem=error.problem) from error
        ends = [
            (rendition, name)
            for rendition in output.renditions
            for name in dict.fromkeys((rendition.media.names[0], rendition.media.names[-1]))
        ]
        for number, (rendition, name) in enumerate(ends):
            self._check_decodes(rendition, name)
            self._say(VALIDATING, (number + 1) / len(ends))
        damage = validate.damage(plan, output, errors)
        if damage is not None:
            self.context.log.warning(
                "damaged source: %.1f of %.1f s saved, %d errors",
                damage.saved_seconds, damage.expected_seconds, damage.errors,
            )  # fmt: skip
        return output, damage

    def _check_decodes(self, rendition: validate.Rendition, segment: str) -> None:
        piece = self._piece(rendition, segment)
        argv = command.check_segment(self.tools.ffmpeg, piece)
        outcome, _ = self._capture(argv, reads=[piece])
        piece.unlink()
        if outcome.returncode != 0 or outcome.errors:
            raise TransientError("video_output_invalid", problem=f"{segment} cannot be decoded")

    def _poster(self, plan: ladder.Plan, output: validate.Output) -> None:
        self._say(THUMBNAIL, 0)
        if output.pictures:
            top = output.pictures[0]
            # A tenth in: past the title card and the wait for the last student.
            piece = self._piece(top, top.media.names[len(top.media.names) // 10])
            argv = command.poster(self.tools.ffmpeg, piece, POSTER, width=POSTER_WIDTH)
        else:
            assert plan.audio_index is not None
            piece = self.source_path
            argv = command.sound_card(self.tools.ffmpeg, piece, plan.audio_index, POSTER)
        outcome, _ = self._capture(argv, reads=[piece], writes=[self.folder])
        if outcome.returncode != 0 or not (self.folder / POSTER).is_file():
            self.context.log.warning("no poster: %s", " | ".join(outcome.stderr[-3:]))
            raise TransientError("video_output_invalid", problem="no poster")

    def _publish(
        self,
        plan: ladder.Plan,
        output: validate.Output,
        damage: validate.Damage | None,
        uploader: SegmentUploader,
    ) -> Done:
        """Store what is left: the rest of the media, then what points to it, then the manifest."""
        summary = describe(
            plan, output, damage,
            encoder=f"ffmpeg {binaries.version(self.tools.ffmpeg)} x264 {ladder.PRESET}",
        )  # fmt: skip
        (self.folder / MASTER).write_text(master_playlist(plan, output))
        media = [name for rendition in output.renditions for name in rendition.files]
        playlists = [rendition.playlist_name for rendition in output.renditions]
        total = len(media) + len(playlists) + 3

        def stored(before: int, done: int, _: int) -> None:
            self.context.raise_if_cancelled()
            self._say(UPLOADING, (before + done) / total)

        sizes = uploader.put([*media, POSTER], on_done=partial(stored, 0))
        sizes |= uploader.put([*playlists, MASTER], on_done=partial(stored, len(sizes)))
        manifest = {**summary, "files": sizes}
        (self.folder / MANIFEST).write_text(json.dumps(manifest, separators=(",", ":")))
        sizes |= uploader.put([MANIFEST], on_done=partial(stored, len(sizes)))
        video = video_of_job(tenant=self.context.tenant_id, job_id=self.context.job_id)
        return Done(
            result={"video_id": str(video.pk), **summary},
            artifacts=[
                Artifact(name, self.context.output_prefix + name, content_type(name), sizes[name])
                for name in (MASTER, POSTER, MANIFEST)
            ],
        )

    # ------------------------------------------------------------------ tools

    def _main_playlist(self, plan: ladder.Plan) -> Path:
        name = plan.rungs[0].name if plan.rungs else command.AUDIO_NAME
        return self.folder / f"{name}.m3u8"

    def _say(self, step: Step, share: float, *, eta: float | None = None) -> None:
        self.context.progress(step.name, step.at(share), eta_seconds=eta)

    def _require_disk(self, size: int) -> None:
        if shutil.disk_usage(self.context.scratch).free < size + _SPARE_BYTES:
            raise TransientError("video_disk_full")

    def _piece(self, rendition: validate.Rendition, segment: str) -> Path:
        """A file of its own with one segment, outside the folder that is published."""
        piece = self.context.scratch / f"piece-{segment}.mp4"
        with piece.open("wb") as joined:
            for name in (rendition.media.init, segment):
                joined.write((self.folder / name).read_bytes())
        return piece

    def _process(
        self,
        argv: list[str],
        *,
        reads: list[Path],
        writes: list[Path],
        limits: sandbox.Limits,
    ) -> process.Process:
        return process.Process(
            sandbox.confined(argv, limits=limits, reads=reads, writes=writes),
            environment=sandbox.environment(),
            directory=self.folder,
        )

    def _capture(
        self,
        argv: list[str],
        *,
        reads: list[Path],
        writes: list[Path] | None = None,
        limits: sandbox.Limits | None = None,
        timeout_seconds: float = _CHECK_SECONDS,
    ) -> tuple[process.Outcome, str]:
        """Run a short tool; a stop of the job stops it too."""
        tool = self._process(
            argv,
            reads=reads,
            writes=writes or [],
            limits=limits or sandbox.Limits(cpu_seconds=int(2 * _CHECK_SECONDS)),
        )
        with self.context.on_stop(tool.stop):
            outcome, text = process.capture(tool, timeout_seconds=timeout_seconds)
        self.context.raise_if_cancelled()
        return outcome, text


class _Follow:
    """Turns ffmpeg's `-progress` lines into progress with the time left."""

    def __init__(self, plan: ladder.Plan, say: Callable[..., None]) -> None:
        self._key = "frame" if plan.rungs else "out_time_us"
        self._total = plan.expected_frames if plan.rungs else plan.expected_seconds * 1e6
        self._say = say
        self._started = clock.monotonic()
        self._done = 0

    def line(self, text: str) -> bool:
        """Take one line; true when the encoder got further."""
        key, _, value = text.partition("=")
        if key != self._key or not value.lstrip("-").isdigit():
            return False
        done = int(value)
        if done <= self._done:
            return False
        self._done = done
        share = done / max(1.0, self._total)
        elapsed = clock.monotonic() - self._started
        self._say(share, eta=max(0.0, elapsed / share - elapsed) if share < 1 else 0.0)
        return True
