"""What to make of a source: the rungs, the frame grid and the sound. Pure; no ffmpeg.

A rung is named for its short side. Nothing is ever upscaled, sizes are even, and a portrait
lecture keeps its shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import Final

from academy.media.source import Source, VideoTrack

CRF = 23
PRESET = "veryfast"
NVENC_CQ = 23
NVENC_PRESET = "p4"
AV1_CRF = 38
AV1_PRESET = 10
SAVER: Final = "saver"
"""The profile that adds a rung for little data; the others differ in packaging alone."""
SEGMENT_GOPS = 2
GOP_SECONDS = 2
FALLBACK_RATE = Fraction(30)
MAX_RATE = Fraction(60)
AUDIO_RATE = 48_000
AUDIO_KBPS = 128

# Short side, and the cap in kbit/s at up to 30 frames a second; x264 stays far below it on slides.
_RUNGS = ((1080, 6220), (720, 3041), (480, 1476), (360, 1037))
_HIGH_RATE_FACTOR = 1.5
PHONE_SIDE: Final = 480
"""Of the rung that every telephone plays on any line: it is made first, and of every lecture."""
# AV1 costs more than it saves where the picture is small.
_AV1_FROM_SIDE = 720
# A source this close below a rung (1072 of 1080 lines) makes it at its own size, not one rung less.
_NEAR_RUNG = 0.9
_LONGEST_SIDE = 4096

_STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in ("10", "12", "15", "20", "24000/1001", "24", "25", "30000/1001", "30",
                 "48", "50", "60000/1001", "60")
)  # fmt: skip
# Rates closer than this are one rate that a container rounded.
_SAME_RATE = 0.002


class Codec(StrEnum):
    """How a rung is compressed."""

    H264 = "h264"
    AV1 = "av1"


class Encoder(StrEnum):
    """What makes the H.264 rungs. Two of them never share a lecture: their streams do not join."""

    X264 = "x264"
    NVENC = "nvenc"


@dataclass(frozen=True)
class Rung:
    """One rendition of the picture. Size in pixels, cap in kbit/s."""

    name: str
    width: int
    height: int
    max_kbps: int
    codec: Codec = Codec.H264

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side."""
        return min(self.width, self.height)


@dataclass(frozen=True)
class FrameGrid:
    """The constant frame rate on which every rung's frames, GOPs and segments lie."""

    rate: Fraction

    @property
    def gop_frames(self) -> int:
        """Frames of one closed GOP: two seconds, rounded to whole frames."""
        return max(1, round(self.rate * GOP_SECONDS))

    @property
    def segment_frames(self) -> int:
        """Frames of one segment."""
        return self.gop_frames * SEGMENT_GOPS

    @property
    def segment_seconds(self) -> Fraction:
        """Duration of one segment: 4 s, or 4.004 s at the NTSC rates."""
        return self.segment_frames / self.rate

    @property
    def base_frames(self) -> int:
        """Where the timeline starts: about one second in, in frames.

        B-frames give the first packets negative decode times; at a base of 0 these shift the
        picture against the sound by 64 ms and stop ExoPlayer. A constant base avoids both.
        """
        return round(self.rate)

    @property
    def base_seconds(self) -> Fraction:
        """The same start in seconds."""
        return self.base_frames / self.rate

    def frames_in(self, seconds: float) -> int:
        """Frames of so many seconds."""
        return round(Fraction(seconds).limit_denominator(1_000_000) * self.rate)


@dataclass(frozen=True)
class Plan:
    """Everything that the encode of one source needs to know."""

    source: Source
    rungs: tuple[Rung, ...]
    grid: FrameGrid
    audio_index: int | None
    deinterlace: bool
    tonemap: bool
    copied: str | None = None
    """The rung whose pictures are the source's own packets, not encoded again (see copying)."""
    encoder: Encoder = Encoder.X264
    on_gpu: bool = False
    """Whether the pictures are also decoded and scaled where NVENC encodes them."""

    @property
    def expected_seconds(self) -> float:
        """Seconds that the result should have, from what the container claims."""
        if self.source.video is not None and self.source.video.duration is not None:
            return self.source.video.duration
        return self.source.duration

    @property
    def expected_frames(self) -> int:
        """Frames of each rung, from what the container claims; 0 without a picture."""
        return self.grid.frames_in(self.expected_seconds) if self.rungs else 0


def plan(source: Source, profile: str = "standard") -> Plan:
    """Decide how to encode a probed source for a profile (see models.Profile)."""
    video, audio = source.video, source.main_audio
    grid = FrameGrid(frame_rate(video) if video is not None else FALLBACK_RATE)
    made = rungs(video, grid.rate) if video is not None else ()
    return Plan(
        source=source,
        rungs=with_av1(made) if profile == SAVER else made,
        grid=grid,
        audio_index=audio.index if audio is not None else None,
        deinterlace=source.interlaced,
        tonemap=video is not None and video.hdr,
    )


def with_av1(made: tuple[Rung, ...]) -> tuple[Rung, ...]:
    """The ladder with its top rung a second time, in AV1, for half the bytes.

    It stands behind the H.264 one: the first variant is what a player without a measurement takes,
    and one that cannot play AV1 leaves the other out.
    """
    if not made or made[0].short_side < _AV1_FROM_SIDE:
        return made
    top = made[0]
    return (top, replace(top, name=f"{top.name}-av1", codec=Codec.AV1), *made[1:])


def pruned(plan: Plan) -> Plan:
    """The plan for pictures so simple that the rungs between are not worth making.

    What is left of a ladder that begins at 1080 lines is its top, whatever it is encoded with, and
    the rung that is played first and that every telephone plays.
    """
    if not plan.rungs or plan.rungs[0].name != f"{_RUNGS[0][0]}p":
        return plan
    top = plan.rungs[0]
    kept = tuple(
        rung
        for rung in plan.rungs
        if (rung.width, rung.height) == (top.width, top.height) or rung.short_side == PHONE_SIDE
    )
    return (
        replace(plan, rungs=kept) if any(rung.short_side == PHONE_SIDE for rung in kept) else plan
    )


def on_x264(plan: Plan) -> Plan:
    """The plan as a host without a graphics card makes it."""
    return replace(plan, encoder=Encoder.X264, on_gpu=False)


def rungs(video: VideoTrack, rate: Fraction) -> tuple[Rung, ...]:
    """The renditions of a picture, largest first; at least one, none larger than the source."""
    shown = video.display_size
    short = min(shown)
    factor = _HIGH_RATE_FACTOR if rate > 30 else 1.0
    made: list[Rung] = []
    for side, kbps in _RUNGS:
        if short < side * _NEAR_RUNG or (short < side and made):
            continue
        width, height = fit(shown, min(side, short))
        made.append(Rung(f"{side}p", width, height, round(kbps * factor)))
    if not made:
        width, height = fit(shown, short)
        made.append(Rung(f"{min(width, height)}p", width, height, round(_RUNGS[-1][1] * factor)))
    return tuple(made)


def fit(shown: tuple[int, int], short_side: int) -> tuple[int, int]:
    """The even size with the shape of `shown` whose short side is at most `short_side`."""
    scale = Fraction(short_side, min(shown))
    longest = max(shown) * scale
    if longest > _LONGEST_SIDE:
        scale *= Fraction(_LONGEST_SIDE) / longest
    return _even(shown[0] * scale), _even(shown[1] * scale)


def _even(length: Fraction) -> int:
    """The nearest even number, for an odd one the smaller; at least 2."""
    return max(2, 2 * math.ceil(length / 2 - Fraction(1, 2)))


def frame_rate(video: VideoTrack) -> Fraction:
    """The constant rate to encode at, at most 60.

    A constant source keeps its rate; a variable one gets the nearest standard rate; a faster one
    is halved until it fits.
    """
    average, base = video.average_rate, video.base_rate
    if average <= 0:
        average = base
    if average <= 0:
        return FALLBACK_RATE
    standard = _nearest_standard(average)
    if _same(average, standard):
        return standard
    constant = base > 0 and _same(average, base)
    while average > MAX_RATE:
        average /= 2
    if constant and average >= 5:
        return average.limit_denominator(1001)
    nearest = _nearest_standard(average)
    # A few lost frames leave an average between 29.97 and 30; the timestamps know which it was.
    of_grid = _nearest_standard(base) if base > 0 else nearest
    same_family = abs(float(of_grid / nearest) - 1) < _SAME_RATE
    return of_grid if same_family and _same(base, of_grid) else nearest


def _same(one: Fraction, other: Fraction) -> bool:
    return abs(float(one / other) - 1) < _SAME_RATE / 4


def _nearest_standard(rate: Fraction) -> Fraction:
    """The standard rate at the smallest ratio from `rate`."""
    return min(_STANDARD_RATES, key=lambda standard: abs(math.log(float(standard / rate))))
