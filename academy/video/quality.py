"""How like the source an encode looks: SSIM, and VMAF where the build of ffmpeg has it.

A few seconds of every lecture are compared, so that what people would see after a change of encoder
or of settings is seen in the figures first. Pure; no ffmpeg.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from academy.video.ladder import Codec, Plan, Rung
from academy.video.validate import Rendition

SAMPLE_SECONDS: Final = 8
VMAF_FLOOR: Final = 70.0
"""Below it people see the loss without comparing; ordinary lectures are at 95."""
SSIM_FLOOR: Final = 0.9
"""The same where there is no VMAF: ordinary lectures are at 0.99. What SSIM misses first is a
camera's noise, which no viewer does."""
LOW: Final = "video_quality_low"
"""The warning's code."""
#: A beginning tells little (a title, an empty room); too far in, finding the place costs too much.
_BEGIN_SHARE: Final = Fraction(1, 10)
_BEGIN_AT_MOST: Final = 60
_SSIM: Final = re.compile(r"SSIM .*\bAll:([\d.]+)")
_VMAF: Final = re.compile(r"VMAF score: ([\d.]+)")


@dataclass(frozen=True)
class Stretch:
    """The frames of one rendition that are compared, and the segments that hold them."""

    rung: Rung
    first: int
    """From the start of the recording, or of the chunk."""
    frames: int
    names: tuple[str, ...]


def rung_to_judge(plan: Plan) -> Rung | None:
    """The largest that is encoded: of a copied one there is nothing to say."""
    encoded = (r for r in plan.rungs if r.name != plan.copied and r.codec is Codec.H264)
    return next(encoded, None)


def stretch(plan: Plan, rung: Rung, made: Rendition, *, at_start: bool) -> Stretch:
    """A few seconds of a rendition, whole segments from their first frame on.

    ``at_start``: from its first frame, where the rendition is a chunk out of a whole lecture.
    """
    lengths = [round(Fraction(duration) * plan.grid.rate) for duration in made.media.durations]
    wanted = round(SAMPLE_SECONDS * plan.grid.rate)
    limit = min(_BEGIN_SHARE * sum(lengths), _BEGIN_AT_MOST * plan.grid.rate)
    begin, first = 0, 0
    while not at_start and begin + 1 < len(lengths) and first + lengths[begin] <= limit:
        first += lengths[begin]
        begin += 1
    end, frames = begin, 0
    while end < len(lengths) and frames < wanted:
        frames += lengths[end]
        end += 1
    return Stretch(rung, first, min(frames, wanted), made.media.names[begin:end])


def read(said: str) -> dict[str, float]:
    """The figures in what ffmpeg said: ``ssim`` from 0 to 1, ``vmaf`` from 0 to 100."""
    found = {}
    for name, pattern, digits in (("ssim", _SSIM, 4), ("vmaf", _VMAF, 2)):
        matches = pattern.findall(said)
        if matches:
            found[name] = round(float(matches[-1]), digits)
    return found


def measured(
    plan: Plan, about: Stretch, figures: Mapping[str, float], *, chunk_first: int = 0
) -> dict[str, Any]:
    """What is stored: the figures, the rung, and which seconds of the lecture were compared."""
    rate = plan.grid.rate
    return {
        "ssim": figures["ssim"],
        "vmaf": figures.get("vmaf"),
        "rung": about.rung.name,
        "at_seconds": round(float((chunk_first + about.first) / rate), 3),
        "seconds": round(float(about.frames / rate), 3),
    }


def of_lecture(plan: Plan, facts: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The measurement among the facts of a lecture's pieces; None where nobody could measure.

    Where a copy was refused after all, there is one of the rung below it too.
    """
    found = {one["quality"]["rung"]: one["quality"] for one in facts if one.get("quality")}
    return next((found[rung.name] for rung in plan.rungs if rung.name in found), None)


def warnings(quality: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What a teacher should know of the result: code, and message in Korean and English."""
    if quality is None or not _is_low(quality):
        return []
    figures = f"SSIM {quality['ssim']:.3f}"
    if quality["vmaf"] is not None:
        figures += f", VMAF {quality['vmaf']:.0f}"
    return [
        {
            "code": LOW,
            "message": {
                "ko": f"변환된 화질이 원본보다 눈에 띄게 낮을 수 있습니다({figures}). "
                "재생해 확인하고, 글씨가 흐리면 더 높은 화질의 원본을 올려 주세요.",
                "en": f"The result may look visibly worse than the original ({figures}). "
                "Play it, and if writing is blurred, upload a better recording.",
            },
        }
    ]


def _is_low(quality: Mapping[str, Any]) -> bool:
    if quality["vmaf"] is not None:
        return bool(quality["vmaf"] < VMAF_FLOOR)
    return bool(quality["ssim"] < SSIM_FLOOR)
