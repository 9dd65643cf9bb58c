"""What is said of a finished video: its summary, and the master playlist made from measurements."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from academy.video import playlist
from academy.video.ladder import FALLBACK_RATE, FrameGrid, Plan
from academy.video.validate import Damage, Output, Rendition, Track

MANIFEST = "manifest.json"
POSTER = "poster.jpg"
FORMAT_VERSION = 1
_GAP_TEXTS = {
    Track.PICTURE: ("화면을 살리지 못한 구간: {}.", "The picture is lost at {}."),
    Track.SOUND: ("소리를 살리지 못한 구간: {}.", "The sound is lost at {}."),
}


def describe(plan: Plan, output: Output, damage: Damage | None, *, encoder: str) -> dict[str, Any]:
    """The summary of a video, as JSON values: stored in its row and shown by the API.

    Durations in seconds, sizes in bytes, bandwidths in bit/s. `damaged` says that the source was
    cut off or faulty, and `damage` then how much of it could be saved.
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
        "damage": None if damage is None else _damage(damage),
        "source": _source(plan),
        "encoder": encoder,
    }  # fmt: skip


def base_of(manifest: Mapping[str, Any]) -> Fraction:
    """Where the timeline of a finished video's segments starts, in seconds (see FrameGrid)."""
    rate = manifest.get("frame_rate")
    return FrameGrid(FALLBACK_RATE if rate is None else Fraction(rate)).base_seconds


def _damage(damage: Damage) -> dict[str, Any]:
    """What could be saved, where nothing could, and both in the words of people."""
    return {
        "expected_seconds": round(damage.expected_seconds, 3),
        "saved_seconds": round(damage.saved_seconds, 3),
        "lost_seconds": round(damage.lost_seconds, 3),
        "errors": damage.errors,
        "gaps": [
            {"track": gap.track.value, "from": round(gap.start, 3), "to": round(gap.end, 3)}
            for gap in damage.gaps
        ],
        "message": _damage_message(damage),
    }


def _damage_message(damage: Damage) -> dict[str, str]:
    expected, saved = _moment(damage.expected_seconds), _moment(damage.saved_seconds)
    if damage.lost_seconds < 1:
        korean = ["원본이 군데군데 손상되었지만 전체 길이를 살렸습니다."]
        english = ["The recording is damaged in places; all of its length was saved."]
    else:
        korean = [f"원본이 손상되어 {expected} 가운데 {saved}만 살렸습니다."]
        english = [f"The recording is damaged: {saved} of {expected} could be saved."]
    for track, (ko, en) in _GAP_TEXTS.items():
        spans = ", ".join(
            f"{_moment(gap.start)}-{_moment(gap.end)}" for gap in damage.gaps if gap.track is track
        )
        if spans:
            korean.append(ko.format(spans))
            english.append(en.format(spans))
    return {"ko": " ".join(korean), "en": " ".join(english)}


def _moment(seconds: float) -> str:
    """Hours only where there are some: 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


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
