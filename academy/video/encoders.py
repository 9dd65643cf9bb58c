"""Which encoder this host has, and with which it plans lectures.

NVENC is there where a tenth of a second is really encoded, in the sandbox in which lectures are: a
card, its driver, its device nodes and ffmpeg's build must agree, and each of them has been seen not
to. One lecture is encoded by one encoder, because their streams do not join.
"""

from __future__ import annotations

import logging
import mmap
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings

from academy.fleet.selectors import workers_list
from academy.media import binaries
from academy.sandbox import devices, isolation, process
from academy.settings.env import HostKind, VideoEncoder
from academy.video import filters
from academy.video.ladder import CRF, NVENC_CQ, NVENC_PRESET, PRESET, Codec, Encoder, Plan

log = logging.getLogger(__name__)

FACT: Final = "video_encoder"
"""Under this name a worker says with what it encodes."""
PROBE_SECONDS: Final = 20.0
"""A driver that hangs is none; one that wakes up a card takes a few seconds."""
_QUEUE: Final = "video"
#: What every card with NVENC decodes as well.
_DECODED: Final = frozenset({"h264", "hevc"})
#: Pixels of a side, between which every card decodes and encodes H.264.
_SMALLEST, _LARGEST = 160, 4096
#: Shared with the processes of the pool: one of them has seen the card fail.
_doubted = mmap.mmap(-1, 1)
_ON_THE_CARD: Final = "hwupload_cuda,scale_cuda=320:180:format=yuv420p"


@dataclass(frozen=True)
class Hardware:
    """What the card of this host can do. ``why`` says what it cannot, and is empty where nothing.

    ``filters``: decode and scale as well, so that pictures never leave it.
    """

    nvenc: bool
    filters: bool
    why: str = ""


def name(ffmpeg: str, encoder: Encoder) -> str:
    """What makes an output; the same name makes the same bytes of the same plan."""
    version = binaries.version(ffmpeg)
    if encoder is Encoder.NVENC:
        return f"ffmpeg {version} nvenc {NVENC_PRESET} cq {NVENC_CQ}"
    return f"ffmpeg {version} x264 {PRESET} crf {CRF} {filters.SCALER}"


def hardware() -> Hardware:
    """What this host may use for lectures, by its settings and by what really works."""
    if settings.HOST_KIND != HostKind.GPU:
        return Hardware(nvenc=False, filters=False, why="this is a cpu host")
    if settings.VIDEO_ENCODER == VideoEncoder.X264:
        return Hardware(nvenc=False, filters=False, why="VIDEO_ENCODER is x264")
    tools = binaries.locate(settings.FFMPEG_BIN or "", settings.FFPROBE_BIN or "")
    return _probed(tools.ffmpeg)


def forget() -> None:
    """Probe again when next asked: a card that worked at boot has failed.

    Until it works again the worker's row says that it has none.
    """
    _doubted[0] = 1
    _probed.cache_clear()


def at_boot() -> str:
    """Find out and log it, once as a worker starts; see `fact`."""
    found = hardware()
    level = logging.INFO if found.nvenc or settings.HOST_KIND != HostKind.GPU else logging.WARNING
    log.log(level, "lectures are encoded with %s%s", fact(), f": {found.why}" * bool(found.why))
    return fact()


def fact() -> str:
    """The encoder with which this worker can encode, as its row says it."""
    return Encoder.NVENC if hardware().nvenc and not _doubted[0] else Encoder.X264


def assigned(plan: Plan, *, divided: bool) -> tuple[Plan, tuple[str, ...]]:
    """The plan with its encoder pinned, and why, in words; none where a host has no choice.

    A lecture that is ``divided`` is everybody's work. It is given to NVENC only while every live
    worker of the queue has it: its pieces would wait for the few that do, while the others idle.
    """
    if settings.HOST_KIND != HostKind.GPU or not plan.rungs:
        return plan, ()
    here = hardware()
    flaw = _flaw_of_size(plan) if here.nvenc else here.why
    if flaw is None and divided and settings.VIDEO_ENCODER == VideoEncoder.AUTO:
        flaw = _flaw_of_fleet()
    if flaw is not None:
        return plan, (f"encoded with x264: {flaw}",)
    off = off_gpu(plan) or (None if here.filters else here.why)
    pinned = replace(plan, encoder=Encoder.NVENC, on_gpu=off is None)
    if off is None:
        return pinned, ("encoded with NVENC; decoded and scaled on the card",)
    return pinned, (f"encoded with NVENC; decoded and scaled by the CPU: {off}",)


def off_gpu(plan: Plan) -> str | None:
    """Why the pictures must be decoded and scaled by the CPU; None where the card can."""
    video = plan.source.video
    assert video is not None
    checks = (
        (video.codec not in _DECODED, f"the source is {video.codec}"),
        (video.pixel_format != "yuv420p", f"its pixels are {video.pixel_format}"),
        (plan.tonemap, "it is HDR"),
        (bool(filters.conversion(plan)), "its colours are converted"),
        (plan.deinterlace, "it is interlaced"),
        (video.rotation != 0, f"it is turned by {video.rotation} degrees"),
        (
            not all(_SMALLEST <= side <= _LARGEST for side in (video.width, video.height)),
            f"it is {video.width}x{video.height}",
        ),
        (any(rung.codec is Codec.AV1 for rung in plan.rungs), "AV1 is encoded by the CPU"),
    )
    return next((reason for holds, reason in checks if holds), None)


def _flaw_of_size(plan: Plan) -> str | None:
    for rung in plan.rungs:
        if not all(_SMALLEST <= side <= _LARGEST for side in (rung.width, rung.height)):
            return f"{rung.width}x{rung.height} is not for every card"
    return None


def _flaw_of_fleet() -> str | None:
    live = [one.row for one in workers_list(alive_only=True) if one.row.queue == _QUEUE]
    without = [row for row in live if row.facts.get(FACT) != Encoder.NVENC]
    if not without:
        return None
    return f"{len(without)} of {len(live)} live video workers have no NVENC, and all are to help"


@cache
def _probed(ffmpeg: str) -> Hardware:
    cards = devices.nvidia()
    failure = _tried(ffmpeg, cards, "null")
    _doubted[0] = failure is not None
    if failure is not None:
        return Hardware(nvenc=False, filters=False, why=f"h264_nvenc fails here: {failure}")
    failure = _tried(ffmpeg, cards, _ON_THE_CARD)
    if failure is not None:
        return Hardware(nvenc=True, filters=False, why=f"scale_cuda fails here: {failure}")
    return Hardware(nvenc=True, filters=True)


def _tried(ffmpeg: str, cards: devices.Devices, filtered: str) -> str | None:
    """Encode a tenth of a second; None where that succeeds, else why not."""
    argv = [
        ffmpeg, "-v", "level+error", "-hide_banner", "-nostdin",
        "-f", "lavfi", "-i", "color=c=gray:s=640x360:r=30:d=0.1", "-vf", filtered,
        "-c:v", "h264_nvenc", "-preset", NVENC_PRESET, "-rc", "vbr", "-cq", str(NVENC_CQ),
        "-forced-idr", "1", "-no-scenecut", "1", "-f", "null", "-",
    ]  # fmt: skip
    limits = isolation.Limits(cpu_seconds=int(2 * PROBE_SECONDS))
    tool = process.Process(
        isolation.confined(argv, limits=limits, devices=cards),
        environment=isolation.environment(),
        directory=Path("/"),
    )
    try:
        outcome, _ = process.capture(tool, timeout_seconds=PROBE_SECONDS)
    except OSError as error:
        return f"{type(error).__name__}"
    if outcome.stalled:
        return f"no answer in {PROBE_SECONDS:.0f} s"
    if outcome.returncode == 0:
        return None
    return outcome.stderr[0] if outcome.stderr else f"ffmpeg ended with {outcome.returncode}"
