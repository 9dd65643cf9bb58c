"""Check what ffmpeg made before anybody may see it, and measure it on the way.

ffmpeg exits 0 on half a file, and writes a complete-looking playlist when it is stopped, so
nothing here trusts the exit code: every frame is counted in the segments themselves, the
timelines must join without a gap, and the rungs must agree with one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from academy.video import fmp4, playlist
from academy.video.chunks import Chunk
from academy.video.command import AUDIO_NAME, segment_name
from academy.video.ladder import AUDIO_RATE, Plan, Rung

# EXTINF is written with six decimals.
_EXTINF_TOLERANCE = Fraction(1, 100_000)
_SOUND_START_TOLERANCE = 0.1
_AAC_FRAME = Fraction(1024, AUDIO_RATE)
# Below this share or number of seconds, a shortfall is a container's rounding and not damage.
_SHORT_SECONDS, _SHORT_SHARE = 1.0, 0.01
# How far the first picture's decoding may precede its showing.
_MAX_REORDER_FRAMES = 16
# The end of a source is where its last packet says; rounding to the grid may move it a little.
LAST_CHUNK_TOLERANCE = 2


class Track(StrEnum):
    """What of a recording is meant."""

    PICTURE = "picture"
    SOUND = "sound"


class OutputInvalidError(Exception):
    """The output is not what the plan promises; `problem` says where and how."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Rendition:
    """One rendition as made. Sizes in bytes, `peak` and `average` in bit/s, times in ticks."""

    name: str
    init: fmp4.Init
    media: playlist.MediaPlaylist
    first_decode_time: int
    end_decode_time: int
    samples: int
    init_size: int
    sizes: tuple[int, ...]
    """Of the segments, in order."""
    shown_time: int
    """When the first picture is shown."""

    @property
    def size(self) -> int:
        """All of its bytes, the playlist's excepted."""
        return self.init_size + sum(self.sizes)

    @property
    def average(self) -> int:
        """Average bandwidth."""
        return round(sum(self.sizes) * 8 / self.media.seconds)

    @property
    def peak(self) -> int:
        """Peak bandwidth as RFC 8216 defines it: over segments of at least half the target."""
        half = max(self.media.durations) / 2
        rates = [
            round(size * 8 / float(duration))
            for duration, size in zip(self.media.durations, self.sizes, strict=True)
            if duration >= half
        ]
        return max(self.average, *rates)

    @property
    def playlist_name(self) -> str:
        """The media playlist's file."""
        return f"{self.name}.m3u8"

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the rendition but the playlist."""
        return (self.media.init, *self.media.names)

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.media.seconds


@dataclass(frozen=True)
class Output:
    """Everything that one encode made, checked."""

    pictures: tuple[Rendition, ...]
    sound: Rendition | None

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """Pictures first, largest first; then the sound."""
        return self.pictures if self.sound is None else (*self.pictures, self.sound)

    @property
    def frames(self) -> int:
        """Frames of each rung; 0 without pictures."""
        return self.pictures[0].samples if self.pictures else 0

    @property
    def seconds(self) -> float:
        """Duration of the picture, or of the sound where there is no picture."""
        return self.renditions[0].seconds


@dataclass(frozen=True)
class Gap:
    """Where nothing of a source could be decoded, and something stands in for it. Seconds.

    Pictures are black there, or stand still; sound is silent.
    """

    track: Track
    start: float
    end: float


@dataclass(frozen=True)
class Damage:
    """How much of a source could not be used. Seconds."""

    expected_seconds: float
    saved_seconds: float
    errors: int
    gaps: tuple[Gap, ...] = ()

    @property
    def lost_seconds(self) -> float:
        """What is missing at the end, and the pictures that are missing before it."""
        return max(0.0, self.expected_seconds - self.saved_seconds)


def check(plan: Plan, folder: Path, chunk: Chunk | None = None) -> Output:
    """Check the whole output in `folder` against the plan. Raises OutputInvalidError.

    A ``chunk`` that is the whole recording says where it was cut, when a rung was copied.
    """
    if chunk is not None:
        pictures = tuple(check_chunk(plan, chunk, [rung.name for rung in plan.rungs], folder))
    else:
        pictures = tuple(_picture(plan, rung, folder) for rung in plan.rungs)
        for rendition in pictures[1:]:
            _agree(pictures[0], rendition)
    # A sound track without a single packet (a muted recorder's) makes no rendition.
    silent = bool(pictures) and not (folder / f"{AUDIO_NAME}.m3u8").exists()
    sound = None if plan.audio_index is None or silent else _sound(plan, folder)
    return Output(pictures, sound)


def check_chunk(plan: Plan, chunk: Chunk, rungs: Sequence[str], folder: Path) -> list[Rendition]:
    """Check the named rungs of one chunk in `folder`. Raises OutputInvalidError.

    Every frame must be there, at its place on the whole lecture's timeline: nothing that is joined
    to it will be looked at again.
    """
    found = []
    for rung in plan.rungs:
        if rung.name not in rungs:
            continue
        rendition = _picture(plan, rung, folder, chunk)
        start = rendition.shown_time * plan.grid.rate / rendition.init.timescale
        if start != plan.grid.base_frames + chunk.first:
            raise OutputInvalidError(f"{rung.name} starts at frame {float(start):.2f}")
        behind = (rendition.shown_time - rendition.first_decode_time) * plan.grid.rate
        if not 0 <= behind / rendition.init.timescale <= _MAX_REORDER_FRAMES:
            raise OutputInvalidError(f"{rung.name} is decoded too far ahead")
        short = chunk.frames - rendition.samples
        if short and (chunk.is_exact or abs(short) > LAST_CHUNK_TOLERANCE):
            raise OutputInvalidError(f"{rung.name} has {rendition.samples} frames")
        found.append(rendition)
    for rendition in found[1:]:
        _agree(found[0], rendition)
    return found


def check_sound(plan: Plan, folder: Path) -> Rendition:
    """Check the sound rendition in `folder`. Raises OutputInvalidError."""
    return _sound(plan, folder)


def damage(plan: Plan, output: Output, errors: int, gaps: Sequence[Gap] = ()) -> Damage | None:
    """What was lost of the source, or None: decode errors, or less than the container claims.

    Where the container states no duration for the picture itself, only an error makes a
    shortfall damage: sound often runs on after the picture.
    """
    black = sum(gap.end - gap.start for gap in gaps if gap.track is Track.PICTURE)
    expected, saved = plan.expected_seconds, output.seconds - black
    short = expected - saved > max(_SHORT_SECONDS, _SHORT_SHARE * expected)
    video = plan.source.video
    told = video is None or video.duration is not None
    if not errors and not gaps and not (short and told):
        return None
    return Damage(expected, saved, errors, tuple(gaps))


def _picture(plan: Plan, rung: Rung, folder: Path, chunk: Chunk | None = None) -> Rendition:
    first_number = 0 if chunk is None else chunk.segment(plan.grid)
    rendition, fragments = _read(folder, rung.name, first_number)
    size = (rendition.init.width, rendition.init.height)
    if size != (rung.width, rung.height):
        raise OutputInvalidError(f"{rung.name} is {size[0]}x{size[1]}")
    lengths = tuple(fragment.samples for fragment in fragments)
    if chunk is not None and chunk.cuts:
        if lengths != chunk.lengths:
            raise OutputInvalidError(f"{rung.name} is not cut at the key frames")
    elif any(length != plan.grid.segment_frames for length in lengths[:-1]):
        raise OutputInvalidError(f"{rung.name} has a segment off the frame grid")
    return rendition


def _sound(plan: Plan, folder: Path) -> Rendition:
    rendition, _ = _read(folder, AUDIO_NAME)
    start = rendition.first_decode_time / AUDIO_RATE
    if abs(start - float(plan.grid.base_seconds)) > _SOUND_START_TOLERANCE:
        raise OutputInvalidError(f"the sound starts at {start:.3f} s")
    return rendition


def _agree(one: Rendition, other: Rendition) -> None:
    """Rungs that a player switches between must cut at the same frames."""
    if one.samples != other.samples:
        raise OutputInvalidError(
            f"{one.name} has {one.samples} frames, {other.name} has {other.samples}"
        )
    if one.media.durations != other.media.durations:
        raise OutputInvalidError(f"{one.name} and {other.name} are cut differently")
    if (one.shown_time, one.init.timescale) != (other.shown_time, other.init.timescale):
        raise OutputInvalidError(f"{one.name} and {other.name} start at different times")


def _read(folder: Path, name: str, first_number: int = 0) -> tuple[Rendition, list[fmp4.Fragment]]:
    """Read a rendition, each segment in turn; a lecture's worth takes about a second."""
    try:
        media = playlist.parse_media((folder / f"{name}.m3u8").read_text())
        init_bytes = (folder / media.init).read_bytes()
        init = fmp4.read_init(init_bytes)
    except (OSError, UnicodeDecodeError, playlist.PlaylistError, fmp4.Fmp4Error) as error:
        raise OutputInvalidError(f"{name}: {error}") from error
    if not media.ended:
        raise OutputInvalidError(f"{name} has no end")
    fragments: list[fmp4.Fragment] = []
    sizes: list[int] = []
    listed = zip(media.names, media.durations, strict=True)
    for number, (segment, duration) in enumerate(listed, first_number):
        if segment != segment_name(name, number):
            raise OutputInvalidError(f"{name}: {segment} stands at place {number}")
        try:
            data = (folder / segment).read_bytes()
            fragment = fmp4.read_fragment(data)
        except (OSError, fmp4.Fmp4Error) as error:
            raise OutputInvalidError(f"{segment}: {error}") from error
        # ffmpeg takes the last packet of the sound for a whole one, however short it is.
        is_tail = name == AUDIO_NAME and segment == media.names[-1]
        before = fragments[-1] if fragments else None
        tolerance = _AAC_FRAME if is_tail else _EXTINF_TOLERANCE
        _joins(segment, fragment, duration, init, before, tolerance=tolerance)
        fragments.append(fragment)
        sizes.append(len(data))
    return Rendition(
        name=name,
        init=init,
        media=media,
        first_decode_time=fragments[0].decode_time,
        end_decode_time=fragments[-1].decode_time + fragments[-1].duration,
        samples=sum(fragment.samples for fragment in fragments),
        init_size=len(init_bytes),
        sizes=tuple(sizes),
        shown_time=fragments[0].shown_time,
    ), fragments


def _joins(
    segment: str,
    fragment: fmp4.Fragment,
    duration: Decimal,
    init: fmp4.Init,
    before: fmp4.Fragment | None,
    *,
    tolerance: Fraction,
) -> None:
    if not fragment.starts_with_sync:
        raise OutputInvalidError(f"{segment} does not start with a key frame")
    if before is not None and before.decode_time + before.duration != fragment.decode_time:
        raise OutputInvalidError(f"{segment} does not join the one before it")
    measured = Fraction(fragment.duration, init.timescale)
    if abs(measured - Fraction(duration)) > tolerance:
        raise OutputInvalidError(f"{segment} is {float(measured):.6f} s, not {duration} s")
