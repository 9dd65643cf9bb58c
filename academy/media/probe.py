"""Look at a file before anything else does: ffprobe in the sandbox, a typed answer or a refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from academy.jobs.errors import PermanentError, TransientError
from academy.media import whitelist
from academy.media.binaries import Binaries
from academy.media.source import AudioTrack, Source, VideoTrack
from academy.sandbox import isolation, process

MAX_HOURS = 8
_PROBE_SECONDS = 60.0
_SCAN_SECONDS = 600.0
_LIMITS = isolation.Limits(cpu_seconds=60, memory_bytes=4 << 30, file_bytes=0)
_SCAN_LIMITS = isolation.Limits(cpu_seconds=900, memory_bytes=4 << 30, file_bytes=0)
_HEAD_BYTES = 4096
_IDET_FRAMES = 80
_IDET = re.compile(r"Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+) Progressive:\s*(\d+)")
_UNLISTED = re.compile(r"\[(?P<name>\w+) @ [^]]*\] \[error\] .* not on whitelist")
_TOO_LARGE = re.compile(r"Picture size (\d+)x(\d+) exceeds")
_STILL_FORMATS = ("_pipe", "image2", "gif")
_STILLS = frozenset({"png", "gif", "bmp", "webp"})


class Run(Protocol):
    """Runs one confined command to its end."""

    def __call__(
        self,
        argv: list[str],
        *,
        reads: list[Path],
        limits: isolation.Limits,
        timeout_seconds: float,
    ) -> tuple[process.Outcome, str]:
        """The outcome, and what the command wrote to stdout."""
        ...


def run_confined(
    argv: list[str], *, reads: list[Path], limits: isolation.Limits, timeout_seconds: float
) -> tuple[process.Outcome, str]:
    """Run a command in the sandbox, for callers whom nobody cancels."""
    return process.capture(
        process.Process(
            isolation.confined(argv, limits=limits, reads=reads),
            environment=isolation.environment(),
        ),
        timeout_seconds=timeout_seconds,
    )


@dataclass(frozen=True)
class Prober:
    """Probes files with one ffmpeg installation, through `run`."""

    binaries: Binaries
    run: Run = run_confined

    def probe(self, path: Path) -> Source:
        """What the file is.

        Raises PermanentError with the code that says why it cannot be used, TransientError where
        the host and not the file is at fault.
        """
        size = path.stat().st_size
        if size == 0:
            raise PermanentError("video_empty")
        outcome, text = self.run(
            [
                self.binaries.ffprobe, "-v", "level+warning", "-of", "json",
                "-probesize", "50M", "-analyzeduration", "30M",
                *whitelist.media_options(),
                "-show_format", "-show_streams", "-i", str(path),
            ],
            reads=[path], limits=_LIMITS, timeout_seconds=_PROBE_SECONDS,
        )  # fmt: skip
        if outcome.stalled:
            raise PermanentError("video_probe_timeout")
        if outcome.killed:
            raise TransientError("video_worker_killed")
        if outcome.returncode != 0:
            raise _refusal(outcome.said, path)
        source = parse(json.loads(text), size=size)
        refuse_size(source, outcome.said)
        if source.duration <= 0:
            source = replace(source, duration=self._scanned_duration(path))
        check(source)
        return replace(source, interlaced=self._interlaced(path, source))

    def _scanned_duration(self, path: Path) -> float:
        """Seconds up to the last packet, for files without a duration (browser recordings)."""
        outcome, text = self.run(
            [
                self.binaries.ffmpeg, "-v", "error", "-nostdin", "-nostats",
                "-progress", "pipe:1", "-stats_period", "5",
                *whitelist.media_options(), "-i", str(path),
                "-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy", "-f", "null", "-",
            ],
            reads=[path], limits=_SCAN_LIMITS, timeout_seconds=_SCAN_SECONDS,
        )  # fmt: skip
        if outcome.stalled:
            raise PermanentError("video_probe_timeout")
        times = re.findall(r"^out_time_us=(\d+)$", text, re.MULTILINE)
        return int(times[-1]) / 1e6 if times else 0.0

    def _interlaced(self, path: Path, source: Source) -> bool:
        """Whether the pictures themselves are interlaced: containers often do not know."""
        if source.video is None or source.video.says_progressive:
            return False
        outcome, _ = self.run(
            [
                self.binaries.ffmpeg, "-v", "info", "-nostdin", "-nostats",
                *whitelist.media_options(), "-i", str(path), "-map", f"0:{source.video.index}",
                "-vf", "idet", "-frames:v", str(_IDET_FRAMES), "-an", "-f", "null", "-",
            ],
            reads=[path], limits=_LIMITS, timeout_seconds=_PROBE_SECONDS,
        )  # fmt: skip
        # idet reports twice: nothing when the graph is set up, the figures at the end.
        reports = _IDET.findall(outcome.said)
        if not reports:
            return False
        top, bottom, progressive = map(int, reports[-1])
        return top + bottom > progressive


def refuse_size(source: Source, said: str) -> None:
    """Refuse pictures so large that ffprobe would not even state their size. PermanentError."""
    found = _TOO_LARGE.search(said)
    if found is not None and source.video is not None and source.video.width <= 0:
        width, height = map(int, found.groups())
        raise PermanentError("video_too_many_pixels", width=width, height=height)


def check(source: Source) -> None:
    """Refuse what cannot be processed. Raises PermanentError."""
    if source.video is None and not source.audio:
        raise PermanentError("video_no_streams")
    if source.video is not None:
        width, height = source.video.width, source.video.height
        if width <= 0 or height <= 0:
            raise PermanentError("video_damaged")
        if width * height > whitelist.MAX_PIXELS:
            raise PermanentError("video_too_many_pixels", width=width, height=height)
    if source.duration <= 0:
        raise PermanentError("video_damaged")
    if source.duration > MAX_HOURS * 3600:
        raise PermanentError(
            "video_too_long", hours=round(source.duration / 3600, 1), limit_hours=MAX_HOURS
        )
    unknown = [t.codec for t in (source.video, source.main_audio) if t and t.codec == "unknown"]
    if unknown:
        raise PermanentError("video_unsupported_format", format=source.container)


def _refusal(said: str, path: Path) -> PermanentError:
    """Why ffprobe would not open the file."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if _looks_like_text(head):
        # Playlists, concat scripts and SDP too: they name other files and are no recording.
        return PermanentError("video_not_media")
    if (unknown := _UNLISTED.search(said)) is not None:
        name = unknown["name"]
        if name.endswith(_STILL_FORMATS):
            return PermanentError("video_not_media")
        return PermanentError("video_unsupported_format", format=name)
    if _looks_like_media(head):
        return PermanentError("video_damaged")
    return PermanentError("video_not_media")


def _looks_like_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut in two at the end of the sample is still text.
        return error.start >= len(head) - 3 and b"\0" not in head
    return b"\0" not in head


def _looks_like_media(head: bytes) -> bool:
    return head[4:8] in {b"ftyp", b"moov", b"mdat"} or head[:4] in {
        b"\x1a\x45\xdf\xa3", b"RIFF", b"OggS", b"FLV\x01", b"\x00\x00\x01\xba",
    }  # fmt: skip


def parse(answer: Mapping[str, Any], *, size: int) -> Source:
    """Turn ffprobe's JSON (format and streams) into a Source; pure."""
    container = answer.get("format", {})
    streams: list[Mapping[str, Any]] = answer.get("streams", [])
    pictures = [s for s in streams if s.get("codec_type") == "video" and not _is_cover(s)]
    sounds = [s for s in streams if s.get("codec_type") == "audio"]
    main = max(
        pictures, key=lambda s: int(s.get("disposition", {}).get("default", 0)), default=None
    )
    start = _matroska_start(container)
    return Source(
        container=str(container.get("format_name", "")),
        size=size,
        duration=_claimed_seconds(container),
        video=_video(main, start) if main is not None else None,
        audio=tuple(_audio(stream, start) for stream in sounds),
        start=_decimal(container.get("start_time")),
    )


def _claimed_seconds(container: Mapping[str, Any]) -> float:
    """Seconds from the first moment to the last; Matroska states when it ends, on its own clock."""
    stated = _seconds(container.get("duration")) or 0.0
    return max(0.0, stated - _matroska_start(container))


def _matroska_start(container: Mapping[str, Any]) -> float:
    is_matroska = "matroska" in str(container.get("format_name", ""))
    return max(0.0, float(_decimal(container.get("start_time")))) if is_matroska else 0.0


def _is_cover(stream: Mapping[str, Any]) -> bool:
    """Cover art of a sound file, which is one still picture."""
    disposition = stream.get("disposition", {})
    if disposition.get("attached_pic") or disposition.get("still_image"):
        return True
    return stream.get("codec_name") in _STILLS


def _video(stream: Mapping[str, Any], start: float) -> VideoTrack:
    return VideoTrack(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "unknown")),
        profile=str(stream.get("profile", "")),
        width=int(stream.get("width", 0)),
        height=int(stream.get("height", 0)),
        pixel_aspect=_pixel_aspect(stream.get("sample_aspect_ratio")),
        rotation=_rotation(stream),
        pixel_format=str(stream.get("pix_fmt", "")),
        full_range=stream.get("color_range") == "pc",
        matrix=str(stream.get("color_space", "unknown")),
        transfer=str(stream.get("color_transfer", "unknown")),
        primaries=str(stream.get("color_primaries", "unknown")),
        field_order=str(stream.get("field_order", "unknown")),
        average_rate=_fraction(stream.get("avg_frame_rate")),
        base_rate=_fraction(stream.get("r_frame_rate")),
        reordered=bool(stream.get("has_b_frames", 0)),
        duration=_track_seconds(stream, start),
    )


def _audio(stream: Mapping[str, Any], start: float) -> AudioTrack:
    tags = stream.get("tags", {})
    return AudioTrack(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "unknown")),
        channels=int(stream.get("channels", 0)),
        sample_rate=int(stream.get("sample_rate", 0)),
        language=str(tags.get("language", "und"))[:8],
        title=str(tags.get("title", ""))[:80],
        default=bool(stream.get("disposition", {}).get("default", 0)),
        duration=_track_seconds(stream, start),
    )


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None


def _decimal(value: object) -> Fraction:
    """A time as it is written, without the rounding of a float."""
    try:
        return Fraction(str(value))
    except ValueError:
        return Fraction(0)


def _track_seconds(stream: Mapping[str, Any], start: float) -> float | None:
    """Seconds of a track: its own field, else Matroska's DURATION tag ("00:01:02.500000000").

    The tag says when the track ends; ``start`` is when the file's clock starts.
    """
    direct = _seconds(stream.get("duration"))
    if direct is not None:
        return direct
    tag = re.fullmatch(
        r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", str(stream.get("tags", {}).get("DURATION"))
    )
    if tag is None:
        return None
    hours, minutes, seconds = tag.groups()
    return max(0.0, int(hours) * 3600 + int(minutes) * 60 + float(seconds) - start)


def _fraction(value: object, separator: str = "/") -> Fraction:
    try:
        numerator, denominator = map(int, str(value).split(separator))
        return Fraction(numerator, denominator)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def _pixel_aspect(value: object) -> Fraction:
    aspect = _fraction(value, ":")
    # Some cameras write nonsense; no real pixel is three times as wide as high.
    return aspect if Fraction(1, 3) <= aspect <= 3 else Fraction(1)


def _rotation(stream: Mapping[str, Any]) -> int:
    """The clockwise turn in degrees; ffprobe's display matrix counts the other way."""
    for side in stream.get("side_data_list", []):
        if "rotation" in side:
            return round(-float(side["rotation"]) / 90) * 90 % 360
    return 0
