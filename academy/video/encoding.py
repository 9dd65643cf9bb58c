"""How each rung is encoded, or copied: ffmpeg's options of one output stream.

Whatever the encoder, key frames lie on the same frames, and each begins a closed group.
"""

from __future__ import annotations

from typing import Any

from academy.video.chunks import Chunk
from academy.video.ladder import (
    AV1_CRF,
    AV1_PRESET,
    CRF,
    NVENC_CQ,
    NVENC_PRESET,
    PRESET,
    Codec,
    Encoder,
    Plan,
    Rung,
)

#: One less than x264 has by itself: 2 to 8 % less CPU at the same VMAF, for up to 3 % more bits.
_B_FRAMES = 2
#: Inter blocks are not divided below 16x16, and motion is sought along a diamond: 11 % less CPU on
#: a busy picture and 3 % on a lecture, for at most 0.3 VMAF and 2 % (of small rungs 6 %) more bits.
_ANALYSIS = {"partitions": "i4x4,i8x8", "motion-est": "dia"}


def encoded(plan: Plan, rung: Rung, chunk: Chunk | None) -> dict[str, Any]:
    """How one rung is encoded."""
    if chunk is not None and chunk.cuts:
        # Key frames there and nowhere else: another could be taken for the end of a segment.
        # Between scene cuts and the next of them x264 then puts pictures that are no key frames.
        longest = max(chunk.lengths)
        keys: dict[str, Any] = {"g": 2 * longest + 2}
        if plan.encoder is Encoder.X264:
            keys["keyint_min"] = longest + 1
        at = "+".join(f"eq(n,{cut - chunk.first})" for cut in chunk.cuts)
    else:
        gop = plan.grid.gop_frames
        keys = {"g": gop}
        at = f"eq(mod(n,{gop}),0)"
    keys |= {"force_key_frames": f"expr:{at}", "fps_mode": "passthrough"}
    if not plan.on_gpu:
        keys["pix_fmt"] = "yuv420p"
    if rung.codec is Codec.AV1:
        return {
            "c": "libsvtav1", "preset": AV1_PRESET, "crf": AV1_CRF, "svtav1-params": "lp=1", **keys,
        }  # fmt: skip
    capped = {"maxrate": f"{rung.max_kbps}k", "bufsize": f"{2 * rung.max_kbps}k"}
    if plan.encoder is Encoder.NVENC:
        return {
            "c": "h264_nvenc", "preset": NVENC_PRESET, "profile": "high", "rc": "vbr",
            "cq": NVENC_CQ, "bf": _B_FRAMES, "forced-idr": 1, "no-scenecut": 1, **keys, **capped,
        }  # fmt: skip
    # One thread: x264's output differs with their number.
    return {
        "c": "libx264", "preset": PRESET, "crf": CRF, "bf": _B_FRAMES, "threads": 1,
        "flags": "+cgop",
        **_ANALYSIS, **keys, **capped,
    }  # fmt: skip


def copied(plan: Plan, chunk: Chunk) -> dict[str, Any]:
    """How the packets of one chunk are taken over: as many as it has, on the lecture's timeline."""
    rate = plan.grid.rate
    shift = f"round(({float(plan.grid.base_seconds - plan.source.start):.9f})/TB)"
    # `-frames` would do, but it cuts the other rungs short by what their encoders hold back.
    only = f"noise=drop=gte(n\\,{chunk.frames})"
    placed = f"setts=pts=PTS+{shift}:dts=DTS+{shift}:time_base={1 / rate}"
    return {"c": "copy", "bsf": f"{only},{placed}"}
