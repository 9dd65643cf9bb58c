"""The recording that a job hears: an upload, or the sound of a lecture, as a file to decode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from academy.ai.speech.limits import MAX_CHANNELS, MAX_SAMPLE_RATE, RATE
from academy.ai.speech.params import lecture_of
from academy.core.errors import AppError
from academy.documents.workbench import Workbench
from academy.jobs import room
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.media import whitelist
from academy.media.commands import Commands
from academy.media.probe import Prober
from academy.uploads.models import Upload
from academy.video import download, sound

_RESAMPLED: Final = (
    # Gaps of the recording are filled, so that a moment of the sound is one of the pictures.
    f"aresample={RATE}:async=1:first_pts=0,aformat=sample_fmts=s16:channel_layouts=mono"
)


@dataclass(frozen=True)
class Recording:
    """A file, the track of it that is heard, and what it says of its length in seconds."""

    path: Path
    track: str
    seconds: float
    ffmpeg: Path
    upload: UUID
    video: UUID | None = None

    def decoding(self) -> list[str]:
        """The argv that writes its sound to stdout: 16 kHz, mono, 16 bits."""
        return [
            str(self.ffmpeg), "-v", "level+error", "-nostdin", "-nostats", "-threads", "1",
            *whitelist.media_options(), "-i", str(self.path), "-map", self.track,
            "-vn", "-sn", "-dn", "-af", _RESAMPLED, "-f", "s16le", "pipe:1",
        ]  # fmt: skip


def recording_of(
    bench: Workbench, *, upload: UUID | None, video: UUID | None, step: Step
) -> Recording:
    """Fetch what is to be heard, telling people how far it is.

    Raises PermanentError with the code that says why it cannot be heard, TransientError.
    """
    if video is not None:
        return _lecture(bench, video, step)
    assert upload is not None
    return _uploaded(bench, upload, step)


def _uploaded(bench: Workbench, upload_id: UUID, step: Step) -> Recording:
    context = bench.context
    upload = Upload.objects.for_tenant(context.tenant_id).filter(pk=upload_id).first()
    if upload is None:
        raise PermanentError("upload_not_found")
    path = context.scratch / "recording"
    room.require(upload.size)
    with context.span("speech.fetch", {"academy.bytes": upload.size}):
        download.fetch(
            upload.store, upload.key, path, size=upload.size, sha256_b64=upload.sha256_b64,
            on_bytes=_telling(bench, step, upload.size),
        )  # fmt: skip
    tools = Commands(context, bench.folder)
    found = Prober(tools.tools, run=tools.capture).probe(path)
    track = found.main_audio
    if track is None:
        raise PermanentError("speech_no_sound")
    if not (0 < track.channels <= MAX_CHANNELS and 0 < track.sample_rate <= MAX_SAMPLE_RATE):
        raise PermanentError(
            "speech_layout_unsupported", channels=track.channels, sample_rate=track.sample_rate
        )
    seconds = track.duration or found.duration
    return Recording(path, f"0:{track.index}", seconds, Path(tools.tools.ffmpeg), upload.pk)


def _lecture(bench: Workbench, video_id: UUID, step: Step) -> Recording:
    context = bench.context
    try:
        video = lecture_of(context.tenant_id, video_id)
    except AppError as error:
        raise PermanentError(error.code, **error.params) from None
    size = sound.size(video)
    if size is None:
        raise PermanentError("speech_no_sound")
    path = context.scratch / "sound.mp4"
    room.require(size)
    with context.span("speech.fetch", {"academy.bytes": size}):
        sound.fetch(video, path, on_bytes=_telling(bench, step, size))
    ffmpeg = Path(Commands(context, bench.folder).tools.ffmpeg)
    seconds = video.duration or 0.0
    return Recording(path, "0:a:0", seconds, ffmpeg, video.upload_id, video=video.pk)


def _telling(bench: Workbench, step: Step, size: int) -> Callable[[int], Any]:
    def on_bytes(done: int) -> None:
        bench.context.raise_if_cancelled()
        bench.say(step, done / max(1, size))

    return on_bytes
