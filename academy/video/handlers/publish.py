"""Make a checked output public: poster, playlists, manifest, in that order.

What points to something is stored after it, so that whoever can see a name can also fetch it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from academy.core.crash import crash_point
from academy.jobs.context import Artifact, Done
from academy.jobs.errors import TransientError
from academy.video import command, encoders, ladder
from academy.video.handlers.steps import THUMBNAIL, UPLOADING
from academy.video.handlers.workbench import Workbench
from academy.video.manifest import MANIFEST, POSTER, describe, master_playlist
from academy.video.playlist import MASTER
from academy.video.selectors import video_of_job
from academy.video.upload import SegmentUploader, content_type
from academy.video.validate import Damage, Output

POSTER_WIDTH = 1280


def poster(bench: Workbench, picture: Path) -> None:
    """The most telling picture of a piece of the top rung."""
    bench.say(THUMBNAIL, 0)
    argv = command.poster(bench.tools.ffmpeg, picture, POSTER, width=POSTER_WIDTH)
    _draw(bench, argv, picture)


def sound_card(bench: Workbench, source: Path, audio_index: int) -> None:
    """The poster of a recording without pictures: its sound, drawn."""
    bench.say(THUMBNAIL, 0)
    _draw(bench, command.sound_card(bench.tools.ffmpeg, source, audio_index, POSTER), source)


def _draw(bench: Workbench, argv: list[str], source: Path) -> None:
    outcome, _ = bench.capture(argv, reads=[source], writes=[bench.folder])
    if outcome.returncode != 0 or not (bench.folder / POSTER).is_file():
        bench.context.log.warning("no poster: %s", " | ".join(outcome.stderr[-3:]))
        raise TransientError("video_output_invalid", problem="no poster")
    bench.say(THUMBNAIL, 1)


def publish(
    bench: Workbench,
    plan: ladder.Plan,
    output: Output,
    damage: Damage | None,
    uploader: SegmentUploader,
    *,
    media: Sequence[str],
    extra: Sequence[str] = (),
    about: dict[str, Any] | None = None,
) -> Done:
    """Store what is left of the output, which lies in the workbench's folder.

    `media` are the files to store before the playlists, `extra` those to list as artifacts, and
    `about` goes into the result beside the manifest's own summary.
    """
    context = bench.context
    summary = describe(
        plan, output, damage, encoder=encoders.name(bench.tools.ffmpeg, plan.encoder)
    )
    summary |= about or {}
    (bench.folder / MASTER).write_text(master_playlist(plan, output))
    playlists = [rendition.playlist_name for rendition in output.renditions]
    total = len(media) + len(extra) + len(playlists) + 3

    def stored(before: int, done: int, _: int) -> None:
        context.raise_if_cancelled()
        bench.say(UPLOADING, (before + done) / total)

    sizes = uploader.put([*media, *extra, POSTER], on_done=partial(stored, 0))
    crash_point("video.stored")
    sizes |= uploader.put([*playlists, MASTER], on_done=partial(stored, len(sizes)))
    manifest = {**summary, "files": sizes}
    (bench.folder / MANIFEST).write_text(json.dumps(manifest, separators=(",", ":")))
    sizes |= uploader.put([MANIFEST], on_done=partial(stored, len(sizes)))
    for rendition in output.renditions:
        context.log.info(
            "%s: %d segments, %.1f MB, %d kbit/s on average", rendition.name,
            len(rendition.media.names), rendition.size / 1e6, rendition.average / 1e3,
        )  # fmt: skip
    context.log.info("stored %d files, %.1f MB", len(sizes), sum(sizes.values()) / 1e6)
    video = video_of_job(tenant=context.tenant_id, job_id=context.job_id)
    return Done(
        result={"video_id": str(video.pk), **summary, "timings": bench.timings()},
        artifacts=[
            Artifact(name, context.output_prefix + name, content_type(name), sizes[name])
            for name in (MASTER, POSTER, MANIFEST, *extra)
        ],
    )
