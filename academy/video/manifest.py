"""What is said of a finished video: its summary, and the master playlist made from measurements."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from academy.video import playlist
from academy.video.ladder import CRF, FALLBACK_RATE, FrameGrid, Plan
from academy.video.validate import Damage, Output, Rendition

MANIFEST = "manifest.json"
POSTER = "poster.jpg"
FORMAT_VERSION = 1


def describe(plan: Plan, output: Output, damage: Damage | None, *, encoder: str) -> dict[str, Any]:
    """The summary of a video, as JSON values: stored in its row and shown by the API.

    Durations in seconds, sizes in bytes, bandwidths in bit/s. `damaged` says that the source was
    cut off or faulty, and then how much of it could be saved.
    """
    return {
        "version": FORMAT_VERSION,
        "duration": round(output.seconds, 3),
        "frames": output.frames,
        "frame_rate": str(plan.grid.rate) if plan.rungs else None,
        "master": playlist.MASTER,
        "poster": POSTER,
        "renditions": [_rendition(rendition) for rendition in output.pictures],
        "audio": None if output.sound is None else _sound(plan, output.sound),
        "size": sum(rendition.size for rendition in output.renditions),
        "damaged": damage is not None,
        "damage": None if damage is None else {
            "expected_seconds": round(damage.expected_seconds, 3),
            "saved_seconds": round(damage.saved_seconds, 3),
            "errors": damage.errors,
        },
        "source": _source(plan),
        "encoder": f"{encoder} crf {CRF}",
    }  # fmt: skip


def base_of(manifest: Mapping[str, Any]) -> Fraction:
    """Where the timeline of a finished video's segments starts, in seconds (see FrameGrid)."""
    rate = manifest.get("frame_rate")
    return FrameGrid(FALLBACK_RATE if rate is None else Fraction(rate)).base_seconds


def _rendition(rendition: Rendition) -> dict[str, Any]:
    return {
        "name": rendition.name,
        "playlist": rendition.playlist_name,
        "width": rendition.init.width,
        "height": rendition.init.height,
        "codec": rendition.init.codec,
        "bandwidth": rendition.peak,
        "average_bandwidth": rendition.average,
        "size": rendition.size,
        "segments": len(rendition.media.names),
    }


def _sound(plan: Plan, rendition: Rendition) -> dict[str, Any]:
    track = plan.source.main_audio
    return {
        "playlist": rendition.playlist_name,
        "codec": rendition.init.codec,
        "language": "und" if track is None else track.language,
        "average_bandwidth": rendition.average,
        "size": rendition.size,
        "segments": len(rendition.media.names),
    }


def _source(plan: Plan) -> dict[str, Any]:
    source = plan.source
    video, sound = source.video, source.main_audio
    return {
        "container": source.container,
        "size": source.size,
        "duration": round(source.duration, 3),
        "video": None if video is None else {
            "codec": video.codec,
            "width": video.display_size[0],
            "height": video.display_size[1],
            "rotation": video.rotation,
            "frame_rate": str(video.average_rate),
            "hdr": video.hdr,
            "interlaced": source.interlaced,
        },
        "audio": None if sound is None else {
            "codec": sound.codec, "channels": sound.channels, "tracks": len(source.audio),
        },
    }  # fmt: skip


def master_playlist(plan: Plan, output: Output) -> str:
    """The master playlist; every figure in it was measured."""
    sound = output.sound
    language = plan.source.main_audio.language if plan.source.main_audio is not None else ""
    extra_peak, extra_average = (sound.peak, sound.average) if sound is not None else (0, 0)
    return playlist.master(
        [
            playlist.PictureRendition(
                uri=rendition.playlist_name,
                codecs=rendition.init.codec,
                width=rendition.init.width,
                height=rendition.init.height,
                rate=plan.grid.rate,
                peak=rendition.peak + extra_peak,
                average=rendition.average + extra_average,
            )
            for rendition in output.pictures
        ],
        None if sound is None else playlist.SoundRendition(
            uri=sound.playlist_name,
            codec=sound.init.codec,
            language="" if language == "und" else language,
            peak=sound.peak,
            average=sound.average,
        ),
    )  # fmt: skip
