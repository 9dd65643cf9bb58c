"""Lectures through the whole platform: PostgreSQL, SQS, object store, relay and real workers."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psutil

from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from academy.uploads.models import Upload
from academy.video import early, playlist
from academy.video.models import Video
from tests.perf.video import figures, ours, peer
from tests.perf.video.measure import check, run
from tests.support import media
from tests.support.lectures import uploaded
from tests.support.processes import Process
from tests.support.world import World

#: As in production, where the world's own are made for tests that break things.
PRODUCTION: Final = {
    "JOB_LEASE_SECONDS": "30",
    "JOB_REPUBLISH_SECONDS": "900",
    "RELAY_POLL_SECONDS": "1",
    "RELAY_SWEEP_SECONDS": "5",
    "SQS_VISIBILITY_SECONDS": "120",
    "SQS_WAIT_SECONDS": "20",
    "WORKER_FINISH_SECONDS": "20",
}
_POLL_SECONDS: Final = 0.1
#: How much longer than the platform's the peer's first rung is waited for, as a multiple of it.
_PEER_PATIENCE: Final = 1.1 * figures.FIRST_PLAYABLE


def scaling(path: Path, *, patience: float = 1_800) -> dict[str, Any]:
    """One lecture by one worker and by two, each worker held to a core of its own.

    As two hosts of one core would share it. The time is the job's: from its row to its end.
    """
    cores = sorted(psutil.Process().cpu_affinity())
    if len(cores) < 2:
        return {"speedup": None, "why": "not measured: it takes two cores"}
    seconds: dict[str, float] = {}
    pieces = 0
    for count in (1, 2):
        with World(**PRODUCTION) as world:
            _workers(world, cores[:count])
            tenant = world.tenant()
            job = submitted(world, tenant, stored(tenant, path))
            world.end(job, seconds=patience)
            if job.state != "succeeded":
                raise RuntimeError(_why(world, job))
            assert job.finished_at is not None
            seconds[str(count)] = (job.finished_at - job.created_at).total_seconds()
            pieces = job.children.count()
        print(f"  {count} of 2 workers: {seconds[str(count)]:.1f} s", file=sys.stderr, flush=True)
    return {
        "pieces": pieces,
        "seconds": seconds,
        "speedup": seconds["1"] / seconds["2"],
    }


def first_playable(path: Path, folder: Path, *, whole: bool) -> dict[str, Any]:
    """When the beginning of a long lecture can be watched: the platform, then the peer.

    Both have the whole machine: the platform as many workers as cores, the peer one process for
    its first rung with a thread for each core (PeerTube's default is one). The peer's clock starts
    with that process; the platform's with the job, before it fetches anything. The peer is stopped
    once it is clear that it takes more than the target allows, unless ``whole``.
    """
    cores = sorted(psutil.Process().cpu_affinity())
    with World(**PRODUCTION) as world:
        _workers(world, [None] * len(cores))
        tenant = world.tenant()
        upload = stored(tenant, path)
        began = time.monotonic()
        shown = _watch(world, submitted(world, tenant, upload), folder)
        platform = time.monotonic() - began
    print(f"  playable after {platform:.1f} s on the platform", file=sys.stderr, flush=True)
    found = _peer(path, folder / "peer", None if whole else _PEER_PATIENCE * platform)
    return {
        "seconds": float(ours.probed(path).plan.source.duration),
        "platform": {"seconds": platform, "shown_seconds": shown, "workers": len(cores)},
        "peer": found,
    }


def stored(tenant: Tenant, path: Path) -> Upload:
    """A complete upload with the bytes of a file."""
    upload = uploaded(tenant, size=path.stat().st_size, filename=path.name)
    store(Bucket.VIDEO).put_file(upload.key, path, "video/mp4")
    return upload


def submitted(world: World, tenant: Tenant, upload: Upload) -> Job:
    """Order the transcoding of an upload."""
    (job,) = world.submit(tenant, "video.transcode", upload=str(upload.pk), title=upload.filename)
    return job


def _workers(world: World, cores: Sequence[int | None]) -> list[Process]:
    """A relay, and a worker for each of the cores; None leaves it all of them."""
    started = []
    for core in cores:
        worker = world.worker("video")
        if core is not None:
            # Before it has started a thread or a process: all that it starts inherits this.
            psutil.Process(worker.pid).cpu_affinity([core])
        started.append(worker)
    world.relay()
    for worker in started:
        worker.said(" ready.", 120)
    return started


def _watch(world: World, job: Job, folder: Path, *, patience: float = 900) -> float:
    """Wait for the early playlist and decode its first picture; how many seconds it has."""
    deadline = time.monotonic() + patience
    while True:
        video = Video.objects.for_tenant(job.tenant_id).select_related("job").get(job=job)
        if video.job.finished_at is not None:
            raise RuntimeError(_why(world, video.job))
        if early.is_playable(video) and (found := early.of(video)) is not None:
            _decode(found.text(early.PICTURE), folder)
            return float(sum(found.picture.media.durations, Decimal(0)))
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing could be played after {patience:g} s")
        time.sleep(_POLL_SECONDS)


def _why(world: World, job: Job) -> str:
    """What became of a job that did not succeed, and the last words of those who worked on it."""
    logs = [f"{one.name}: {one.log[-2_000:]}" for one in world.processes if "worker" in one.name]
    return "\n".join([f"the lecture ended as {job.state}: {job.error_code}", *logs])


def _decode(text: str, folder: Path) -> None:
    """Fetch the first segment that a playlist names, and decode a picture of it."""
    about = playlist.parse_media(text)
    objects, target = store(Bucket.VIDEO), folder / "first.mp4"
    parts = (about.init, about.names[0])
    target.write_bytes(b"".join(objects.read(name.removeprefix("/")) for name in parts))
    ffmpeg = media.binaries().ffmpeg
    check([ffmpeg, "-v", "error", "-i", str(target), "-frames:v", "1", "-f", "null", "-"])


def _peer(path: Path, folder: Path, limit: float | None) -> dict[str, Any]:
    recording = ours.probed(path)
    command = peer.command(
        media.binaries().ffmpeg, recording.plan, recording.plan.rungs[0], path, folder,
        threads=os.cpu_count() or 1,
    )  # fmt: skip
    cost = run([command], at_once=1, limit_seconds=limit)
    progress = folder / peer.PROGRESS
    done = figures.frames_of(progress.read_text()) if progress.exists() else 0
    shutil.rmtree(folder)
    seconds = cost.wall if cost.first is None else cost.first
    return {
        "seconds": seconds,
        "finished": cost.finished,
        "projected_seconds": seconds
        if cost.finished
        else figures.projected(cost.wall, done, recording.frames),
    }
