"""`ai.homework_video`: ffmpeg samples the video, a child finds the pages, ffmpeg fetches them.

Everything that reads the file is confined: ffmpeg without a network and under a watchdog, and our
own code in a child. The sampling, which is most of the work, is kept for a later attempt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from academy.ai.homework import commands
from academy.ai.homework.limits import MAX_MINUTES, RATE
from academy.ai.homework.params import HomeworkParams
from academy.ai.homework.results import CONTACT
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs import room
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.jobs.steps import Step
from academy.media.commands import Commands, Follow
from academy.media.probe import Prober
from academy.media.source import Source, VideoTrack
from academy.sandbox import isolation, process
from academy.uploads.models import Upload

SCHEMA: Final = 1
ENGINE: Final = "academy.homework"
_VIEWS, _PAGES = "academy.ai.homework.file:views", "academy.ai.homework.file:pages"
_FRAMES: Final = "frames.gray"
_SAMPLING, _LOOKING, _FETCHING, _CLEANING, _STORING = (
    Step("sampling", 0, 40), Step("looking", 40, 45), Step("fetching", 45, 65),
    Step("cleaning", 65, 90), Step("storing", 90, 100),
)  # fmt: skip
_LIMITS: Final = isolation.Limits(cpu_seconds=600, memory_bytes=4 << 30, file_bytes=1 << 28)
_CPU_SECONDS: Final = 1_800
_FRAMES_BYTES: Final = 1 << 28
_PICTURE_BYTES: Final = 1 << 25
_JPEG: Final = "image/jpeg"
_SHORT: Final = 0.9
"""Of the seconds that a file claims; where less can be read, it breaks off."""
_COVERED: Final = 0.03
_SPARE_BYTES: Final = 1 << 29


def run(context: JobContext[HomeworkParams]) -> Done:
    """Find the pages and store them. Raises PermanentError, TransientError."""
    bench, envelope = Workbench(context, Bucket.AI), Envelope(SCHEMA, engine=ENGINE)
    tools = Commands(context, bench.folder)
    with envelope.timed("fetch"):
        path = _fetched(bench)
    with envelope.timed("probe"):
        source, track = _probed(tools, path)
    with envelope.timed("look"):
        found = _views(bench, tools, path, track, source)
    with envelope.timed("extract"):
        pictures = _pictures(bench, tools, path, track, found["views"])
    with envelope.timed("clean"):
        made: dict[str, Any] = bench.read(
            _PAGES, {"views": found["views"], "pictures": pictures},
            reads=[], step=_CLEANING, limits=_LIMITS, timeout_seconds=900.0,
        )  # fmt: skip
    seconds = found["count"] / RATE
    _warn(envelope, made["pages"], seconds, source)
    names = [CONTACT, *(page["picture"] for page in made["pages"])]
    with envelope.timed("store"):
        for at, name in enumerate(names):
            bench.put(name, bench.folder / name, _JPEG)
            bench.say(_STORING, (at + 1) / len(names))
    context.log.info("%d views, %d pages", len(found["views"]), len(made["pages"]))
    result = {
        "count": len(made["pages"]), "seconds": round(seconds, 2),
        "pages": made["pages"], "contact_sheet": CONTACT,
    }  # fmt: skip
    return Done(envelope.wrap(result), bench.artifacts)


def _fetched(bench: Workbench) -> Path:
    """The video; given back where this host has no room for it."""
    upload_id = bench.context.params.upload
    upload = Upload.objects.for_tenant(bench.context.tenant_id).filter(pk=upload_id).first()
    if upload is None:
        raise PermanentError("upload_not_found")
    room.require(upload.size + _SPARE_BYTES)
    return bench.fetch(upload_id)


def _probed(tools: Commands, path: Path) -> tuple[Source, VideoTrack]:
    """What the file is. Raises PermanentError with why it cannot be used."""

    def capture(
        argv: list[str], *, reads: list[Path], limits: isolation.Limits, timeout_seconds: float
    ) -> tuple[process.Outcome, str]:
        return tools.capture(argv, reads=reads, limits=limits, timeout_seconds=timeout_seconds)

    source = Prober(tools.tools, capture).probe(path)
    if source.video is None:
        raise PermanentError("homework_no_picture")
    if source.duration > MAX_MINUTES * 60:
        raise PermanentError(
            "homework_too_long", minutes=round(source.duration / 60, 1), limit=MAX_MINUTES
        )
    return source, source.video


def _views(
    bench: Workbench, tools: Commands, path: Path, track: VideoTrack, source: Source
) -> dict[str, Any]:
    """The steady views: those of an earlier attempt, or found now."""
    if "views" in bench.context.checkpoint:
        return bench.context.checkpoint
    frames = bench.folder / _FRAMES
    argv = commands.sample(tools.tools.ffmpeg, path, track, frames)
    _follow(
        bench, tools, argv, path=path, step=_SAMPLING, total=source.duration * RATE,
        file_bytes=_FRAMES_BYTES,
    )  # fmt: skip
    if not frames.exists() or not frames.stat().st_size:
        raise PermanentError("video_damaged")
    width, height = commands.small_size(track)
    found: dict[str, Any] = bench.read(
        _VIEWS, {"frames": str(frames), "width": width, "height": height},
        reads=[], step=_LOOKING, limits=_LIMITS, timeout_seconds=300.0,
    )  # fmt: skip
    frames.unlink()
    bench.context.save_checkpoint(found)
    return found


def _pictures(
    bench: Workbench, tools: Commands, path: Path, track: VideoTrack, views: list[dict[str, Any]]
) -> dict[str, str]:
    """The large pictures of the views, by number; fewer where the file breaks off."""
    numbers = sorted({number for view in views for number in view["best"]})
    pattern = bench.folder / "picture-%04d.jpg"
    argv = commands.extract(tools.tools.ffmpeg, path, track, numbers, pattern)
    _follow(
        bench, tools, argv, path=path, step=_FETCHING, total=len(numbers),
        file_bytes=_PICTURE_BYTES,
    )  # fmt: skip
    names = {str(n): f"picture-{at:04d}.jpg" for at, n in enumerate(numbers, 1)}
    return {n: name for n, name in names.items() if (bench.folder / name).exists()}


def _follow(
    bench: Workbench,
    tools: Commands,
    argv: list[str],
    *,
    path: Path,
    step: Step,
    total: float,
    file_bytes: int,
) -> None:
    """Run ffmpeg under the watchdog. What can be read of a damaged file is enough."""
    follow = Follow("frame", total, lambda share, **_: bench.say(step, share))
    outcome = tools.follow(
        argv, reads=[path], cpu_seconds=_CPU_SECONDS, file_bytes=file_bytes, on_line=follow.line
    )
    if outcome.stalled:
        # A file that stalls a decoder does so wherever it is read.
        raise PermanentError("document_too_heavy")
    try:
        tools.judge(outcome)
    except PermanentError:
        if not follow.done:
            raise
    except TransientError:
        bench.context.raise_if_cancelled()
        raise


def _warn(envelope: Envelope, pages: list[dict[str, Any]], seconds: float, source: Source) -> None:
    """What a person should know of the pages."""
    if seconds < _SHORT * source.duration - 2 / RATE:
        envelope.review_required = True
        envelope.warn("homework_cut_short", seconds=round(seconds))
    if covered := [page["n"] for page in pages if page["covered"] > _COVERED]:
        envelope.review_required = True
        envelope.warn("homework_page_covered", pages=covered)
    if unseen := [page["n"] for page in pages if not page["edges_found"]]:
        envelope.warn("homework_page_edges", pages=unseen)
