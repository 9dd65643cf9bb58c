"""`video.mp4`: the segments of one rung and of the sound in one file; nothing is encoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.video import command, download, mp4, playlist
from academy.video.handlers.steps import MP4_DOWNLOADING, MP4_PACKAGING, MP4_UPLOADING
from academy.video.handlers.workbench import Workbench
from academy.video.manifest import base_of
from academy.video.models import Video
from academy.video.params import DownloadParams
from academy.video.upload import content_type

_CPU_SECONDS = 1800


def run(context: JobContext[DownloadParams]) -> Done:
    """Make the file and store it beside the output.

    Raises PermanentError where the video plays something else by now, TransientError.
    """
    bench = Workbench(context)
    manifest = _manifest(context)
    rung, sound = mp4.rung_of(manifest), manifest["audio"]
    tracks = [track for track in (rung, sound) if track is not None]
    total = mp4.size_of(manifest)
    # The tracks, and the file that is made of them.
    bench.require_disk(2 * total)
    sources: list[Path] = []
    fetched = 0
    for number, track in enumerate(tracks):
        source = context.scratch / f"track-{number}.mp4"
        fetched = _fetch(bench, track["playlist"], source, before=fetched, total=total)
        sources.append(source)
    target = context.scratch / mp4.object_name(manifest)
    _join(bench, manifest, sources, target, total)
    bench.say(MP4_UPLOADING, 0)
    _manifest(context)
    key = context.params.prefix + target.name
    bench.put_file(key, target, content_type(target.name))
    size = target.stat().st_size
    context.log.info("stored %s, %.1f MB", target.name, size / 1e6)
    # It belongs to the output and not to this job, so that it is none of its artifacts.
    return Done(result={"video_id": str(context.params.video), "size": size})


def _manifest(context: JobContext[DownloadParams]) -> dict[str, Any]:
    """What the video's output is; PermanentError unless the video still plays it."""
    videos = Video.objects.for_tenant(context.tenant_id)
    video = videos.filter(pk=context.params.video, deleted_at__isnull=True).first()
    if video is None or video.output_prefix != context.params.prefix or not video.manifest:
        raise PermanentError("video_superseded")
    if video.manifest.get("encrypted"):
        raise PermanentError("video_download_forbidden")
    manifest: dict[str, Any] = video.manifest
    return manifest


def _fetch(bench: Workbench, name: str, target: Path, *, before: int, total: int) -> int:
    """Fetch a rendition, segment after segment, into one file; returns the bytes so far."""
    prefix: str = bench.context.params.prefix
    listed = playlist.parse_media(bench.read(prefix + name).decode())

    def on_bytes(done: int) -> None:
        bench.context.raise_if_cancelled()
        bench.say(MP4_DOWNLOADING, (before + done) / total)

    keys = [
        one.removeprefix("/") if one.startswith("/") else prefix + one
        for one in (listed.init, *listed.names)
    ]
    return before + download.fetch_joined(bench.objects, keys, target, on_bytes=on_bytes)


def _join(
    bench: Workbench, manifest: dict[str, Any], sources: list[Path], target: Path, size: int
) -> None:
    target.touch()
    argv = command.remux(bench.tools.ffmpeg, sources, target, float(base_of(manifest)))
    microseconds = max(1.0, manifest["duration"] * 1e6)

    def on_line(line: str) -> bool:
        key, _, value = line.partition("=")
        if key != "out_time_us" or not value.isdigit():
            return key == "progress"
        bench.say(MP4_PACKAGING, int(value) / microseconds)
        return True

    outcome = bench.follow(
        argv, reads=sources, writes=[target], file_bytes=2 * size + (64 << 20),
        cpu_seconds=_CPU_SECONDS, on_line=on_line,
    )  # fmt: skip
    bench.judge(outcome)
    if outcome.errors:
        raise TransientError("video_output_invalid", problem="the segments do not join")
