"""Whether the top rung can be the source's own packets instead of an encode.

Most lectures are uploaded as H.264 that every player plays. Copying their largest rung saves half
of the work and all of its loss, but only where nothing about the packets can surprise a player:
each condition here is one that broke playback somewhere when nobody looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final

from academy.video import avc, fmp4
from academy.video.ladder import SAVER, FrameGrid, Plan
from academy.video.packets import Packets

MAX_BITRATE_FACTOR: Final = 1.3
"""How far above the rung's cap the source may be: rather more bits than an encode of an encode."""
MAX_KEY_SECONDS: Final = 10
#: How far from its place on the grid a picture may be, in frames; containers round to 1 ms.
_JITTER = 0.2


@dataclass(frozen=True)
class Verdict:
    """Whether the top rung is copied, and why; ``keys`` are the key frames' places on the grid."""

    reason: str
    keys: tuple[int, ...] = ()
    frames: int = 0
    kbps: float = 0.0
    """Of the packets, on average."""

    @property
    def copies(self) -> bool:
        """Whether it is."""
        return bool(self.keys)


def judge(
    plan: Plan,
    profile: str,
    packets: Packets,
    path: Path,
    outside: tuple[tuple[int, int], ...] | None,
) -> Verdict:
    """Decide for one file. ``outside`` is what packets.outside_media says of it."""
    flaw = flaw_of_track(plan, profile) or flaw_of_rate(plan, packets)
    if flaw is None and outside is None:
        flaw = f"{plan.source.container} does not state its parameter sets in one place"
    if flaw is None:
        assert outside is not None
        flaw = flaw_of_stream(path, packets, outside)
    if flaw is not None:
        return Verdict(refusal(plan, flaw))
    try:
        keys = key_places(plan.grid, packets, plan.source.start)
    except OffGridError as error:
        return Verdict(refusal(plan, str(error)))
    return Verdict(
        f"{_top(plan)} is copied: H.264 of {_kbps(packets):.0f} kbit/s, {len(packets)} frames on "
        f"the grid, {len(keys)} IDR pictures at most {float(packets.longest_gop):.1f} s apart",
        keys,
        len(packets),
        _kbps(packets),
    )


def refusal(plan: Plan, flaw: str) -> str:
    """Why the top rung is not copied, in words."""
    return f"{_top(plan)} is encoded: {flaw}"


def _top(plan: Plan) -> str:
    return plan.rungs[0].name if plan.rungs else "the picture"


def flaw_of_track(plan: Plan, profile: str) -> str | None:
    """What the profile and the probe say against copying; None where they say nothing."""
    video = plan.source.video
    if video is None or not plan.rungs:
        return "there is none"
    top = plan.rungs[0]
    checks = (
        # A recorder spends several times the bits of an encode at rest.
        (profile == SAVER, f"the profile {SAVER} is there for fewer bytes than the source has"),
        (video.codec != "h264", f"the source is {video.codec}"),
        (video.pixel_format != "yuv420p", f"its pixels are {video.pixel_format}"),
        (video.full_range, "its colours use the full range"),
        (plan.tonemap, "it is HDR"),
        (plan.deinterlace, "it is interlaced"),
        (video.rotation != 0, f"it is turned by {video.rotation} degrees"),
        (video.pixel_aspect != 1, "its pixels are not square"),
        (
            (video.width, video.height) != (top.width, top.height),
            f"it is {video.width}x{video.height}, not {top.width}x{top.height}",
        ),
        (
            len(plan.rungs) < 2,
            "it is the only rung, and what nobody decodes could be damaged",
        ),
    )
    return next((reason for holds, reason in checks if holds), None)


def flaw_of_rate(plan: Plan, packets: Packets) -> str | None:
    """Too many bits, or too long without a key frame; None where neither."""
    if not packets.keys or packets.keys[0] != 0:
        return "it does not begin with a key frame"
    limit = MAX_BITRATE_FACTOR * plan.rungs[0].max_kbps
    if _kbps(packets) > limit:
        return f"its {_kbps(packets):.0f} kbit/s are more than {limit:.0f}"
    if packets.longest_gop > MAX_KEY_SECONDS:
        return f"its key frames are up to {float(packets.longest_gop):.1f} s apart"
    return None


def _kbps(packets: Packets) -> float:
    seconds = packets.end - packets.seconds(0)
    return float(sum(packets.sizes) / 125 / seconds) if seconds > 0 else 0.0


def flaw_of_stream(
    path: Path, packets: Packets, outside: tuple[tuple[int, int], ...]
) -> str | None:
    """What the bitstream itself says against copying; None where it says nothing."""
    try:
        found = avc.configurations(path, outside)
    except fmp4.Fmp4Error as error:
        return str(error)
    if len(found) != 1:
        return f"it has {len(found)} H.264 configurations"
    about = found[0]
    if not about.plays_everywhere:
        return f"profile {about.profile} at level {about.level / 10} is beyond High at 4.2"
    if len(about.sequence_sets) != 1:
        return f"it has {len(about.sequence_sets)} sequence parameter sets"
    return avc.flaw_of_key_frames(path, packets, about)


class OffGridError(ValueError):
    """Pictures that are not exactly one for each frame of the grid; the message says which."""


def key_places(grid: FrameGrid, packets: Packets, start: Fraction) -> tuple[int, ...]:
    """The frames on which the key frames lie, where every frame of the grid has its one packet.

    Also that every group of pictures is closed: none of its packets is shown before its key frame
    or after the next. Raises OffGridError.
    """
    places: list[int] = []
    first, begin, rate = 0, float(start), float(grid.rate)
    for key, following in pairwise((*packets.keys, len(packets))):
        shown = sorted(packets.times[key:following])
        if shown[0] != packets.times[key]:
            raise OffGridError(f"the key frame of frame {first} is not the first that is shown")
        for frame, time in enumerate(shown, first):
            place = (time / packets.unit - begin) * rate
            if abs(place - frame) > _JITTER:
                raise OffGridError(
                    f"its frame rate is not constant (frame {frame} stands at {place:.2f})"
                )
        places.append(first)
        first += len(shown)
    return tuple(places)
