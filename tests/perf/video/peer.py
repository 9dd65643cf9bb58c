"""The peer: PeerTube's own ffmpeg commands for a video on demand, one process for each rung.

Read in github.com/Chocobozzz/PeerTube in November 2026:

- the encoder's options: ``packages/ffmpeg/src/ffmpeg-default-transcoding-profile.ts``
  (``getCommonOutputOptions``), ``packages/ffmpeg/src/shared/encoder-options.ts``;
- the HLS options, and that a rung is scaled from the upload:
  ``packages/ffmpeg/src/ffmpeg-vod.ts`` (``buildHLSVODCommand``);
- the caps: ``packages/core-utils/src/videos/bitrate.ts`` (``averageBitPerPixel``);
- one thread a job: ``config/default.yaml`` (``transcoding.threads``);
- the order: the largest rung first, then the smaller ones
  (``server/core/lib/transcoding/shared/job-builders/abstract-job-builder.ts``). The video is
  published when that first rung is complete (``canMoveVideoState``). The rung is encoded even where
  the upload could be copied: ``handleHLSJob`` in
  ``server/core/lib/job-queue/handlers/video-transcoding.ts`` asks for no ``copyCodecs``.

What is left out is to the peer's advantage: before these jobs PeerTube makes a web video of the
upload, by copying it or, where it cannot, by one more encode of the largest rung.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from academy.video.ladder import Plan, Rung
from tests.perf.video.measure import Command

_BITS_PER_PIXEL: Final = ((1080, 0.10), (720, 0.11), (480, 0.12), (360, 0.15), (240, 0.17))
_LEAST_BITS_PER_PIXEL: Final = (144, 0.19)
_FLOOR_BITS_PER_PIXEL: Final = 0.02
_INPUT_MARGIN: Final = 1.3
PLAYLIST: Final = "playlist.m3u8"
MEDIA: Final = "media.mp4"
PROGRESS: Final = "progress.txt"


def target_bitrate(rung: Rung, rate: float, input_bitrate: float) -> int:
    """``getTargetBitrate``: bits per second; what x264 may not exceed in the mean."""
    pixels = rung.width * rung.height * rate
    average = pixels * next(
        (bits for side, bits in _BITS_PER_PIXEL if rung.short_side >= side),
        _LEAST_BITS_PER_PIXEL[1],
    )
    capped = min(average, input_bitrate * _INPUT_MARGIN) if input_bitrate else average
    return int(max(capped, pixels * _FLOOR_BITS_PER_PIXEL))


def command(
    ffmpeg: str, plan: Plan, rung: Rung, source: Path, folder: Path, *, threads: int = 1
) -> Command:
    """The process that makes one rung, with the sound in it; 1 thread is PeerTube's default."""
    video = plan.source.video
    assert video is not None
    rate = float(plan.grid.rate)
    bitrate = target_bitrate(rung, rate, 8 * plan.source.size / plan.source.duration)
    portrait = rung.height > rung.width
    argv = [
        ffmpeg, "-v", "warning", "-nostdin", "-y", "-progress", PROGRESS, "-i", str(source),
        "-c:v", "libx264", "-c:a", "aac",
        "-movflags", "faststart", "-max_muxing_queue_size", "1024", "-map_metadata", "-1",
        "-pix_fmt", "yuv420p", "-threads", str(threads),
        "-vf", f"scale=w={rung.width}:h=-2" if portrait else f"scale=w=-2:h={rung.height}",
        "-preset", "veryfast", "-maxrate:v", str(bitrate), "-bufsize:v", str(2 * bitrate),
        "-b_strategy", "1", "-bf", "16", "-r", f"{rate:g}", "-g:v", f"{2 * rate:g}",
        "-channel_layout", "stereo",
        "-hls_time", "4", "-hls_list_size", "0", "-hls_playlist_type", "vod",
        "-hls_segment_filename", MEDIA, "-hls_segment_type", "fmp4",
        "-f", "hls", "-hls_flags", "single_file", PLAYLIST,
    ]  # fmt: skip
    return Command(tuple(argv), folder, playlist=folder / PLAYLIST)


def commands(ffmpeg: str, plan: Plan, source: Path, folder: Path) -> list[Command]:
    """One process for every rung of the plan, in PeerTube's order."""
    return [command(ffmpeg, plan, rung, source, folder / rung.name) for rung in plan.rungs]


def media(folder: Path, rung: str) -> Path:
    """The finished rung as one file."""
    return folder / rung / MEDIA
