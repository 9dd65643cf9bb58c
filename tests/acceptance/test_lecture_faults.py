"""Workers die in every stage of a lecture; it ends right, and nothing finished is made again.

The crashes come first, in processes of their own. Then two real workers pick up what those left,
and share a lecture of their own that loses an encoder and a worker's process on the way.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from academy.core import crash
from academy.core.storage import Bucket, store
from academy.jobs import outputs, reap
from academy.jobs.execute import Verdict
from academy.jobs.models import Job, JobAttempt
from academy.tenants.models import Tenant
from academy.video import chunks
from academy.video.models import Video, VideoPiece, VideoState
from tests.integration.test_video_transcode import uploaded
from tests.support import encodes, invariants, media
from tests.support.jobs import let_lease_expire, run
from tests.support.processes import eventually
from tests.support.world import World

RATE = 10
SECONDS = 2 * chunks.CHUNK_SECONDS + 10
SHARED_SECONDS = 4 * chunks.CHUNK_SECONDS
SHARED_RATE = 20
STAGES = {
    "the plan": ("video.fetched", "video.planned"),
    "chunk-0000": ("piece.encoded", "piece.stored"),
    "audio": ("piece.encoded", "piece.stored"),
    "the join": ("video.joined", "video.stored"),
}
"""Where a process of each stage dies; ``video.stored`` lies in the middle of the upload."""

#: Key frames too far apart for the top rung to be copied: every piece has an encoder to kill.
ENCODED = ("-g", "1000", "-keyint_min", "1000", "-sc_threshold", "0")


@dataclass
class Crashed:
    """Lectures that met crashes, and what was finished by then."""

    early: Job
    """Crashed while it was planned, and in two of its pieces."""
    late: Job
    """Crashed while it was joined and while it was uploaded."""
    shared: Job
    """Encoded by two workers; one of its encoders and one worker's process were killed."""
    encodes: Path
    """Says how many encoders were started, see tests.support.encodes."""
    killed: set[str] = field(default_factory=set)
    """Pieces of the shared lecture whose worker or encoder was killed."""


@pytest.fixture(scope="module")
def crashed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashed]:
    folder = tmp_path_factory.mktemp("lectures")
    with pytest.MonkeyPatch.context() as patch:
        # For this process and for those of the world.
        encodes.record(folder / "encodes", patch)
        patch.setenv(encodes.VARIABLE, str(folder / "encodes"))
        yield _crash(world, folder)


def _crash(world: World, folder: Path) -> Crashed:
    source = media.clip(
        folder / "a.mp4", size="128x72", rate=str(RATE), seconds=SECONDS, extra=ENCODED
    )
    longer = media.clip(
        folder / "b.mp4",
        size="320x180",
        rate=str(SHARED_RATE),
        seconds=SHARED_SECONDS,
        extra=ENCODED,
    )
    tenant = world.tenant()
    early, late = (_lecture(world, tenant, source) for _ in range(2))

    for point in STAGES["the plan"]:
        _die(world, early, point)
    run(early)
    for name in ("chunk-0000", "audio"):
        for point in STAGES[name]:
            _die(world, _piece(early, name), point)

    run(late)
    for piece in late.children.order_by("id"):
        run(piece)
    for point in STAGES["the join"]:
        _die(world, late, point)

    shared = _lecture(world, tenant, longer)
    found = Crashed(early, late, shared, folder / "encodes")
    # Every message of the plan and the pieces is there twice, as SQS may deliver it.
    world.proxy.fault("SendMessageBatch", times=None, duplicate=True)
    workers = [world.worker("video") for _ in range(2)]
    for worker in workers:
        worker.said(" ready.")
    world.relay()
    found.killed = {_kill_encoder(world, shared), _kill_process(world, shared)}
    world.end(early, late, shared, seconds=120)
    eventually(lambda: world.messages("video") == 0, 40, "every copy of a message is settled")
    world.proxy.heal()
    return found


def _lecture(world: World, tenant: Tenant, source: Path) -> Job:
    upload = uploaded(tenant, source)
    (job,) = world.submit(tenant, "video.transcode", upload=str(upload.pk), title=source.stem)
    return job


def _piece(job: Job, name: str) -> Job:
    return job.children.get(child_key=name)


def _pieces(job: Job) -> dict[str, Job]:
    return {piece.child_key: piece for piece in job.children.all()}


def _die(world: World, job: Job, point: str) -> None:
    """Have a process that works on the job die at a point, and its lease run out."""
    job.refresh_from_db()
    argv = ["-m", "tests.support.deliver", str(job.pk), str(job.version)]
    process = world.process("deliver", *argv, ACADEMY_CRASH_POINT=point).start()
    assert process.wait(60) == -signal.SIGKILL, f"{point}: {process.log}"
    let_lease_expire(job)
    reap.reap_leases()
    job.refresh_from_db()
    assert job.state == "queued"


def _encoder(world: World, lecture: Job) -> tuple[psutil.Process, Job]:
    """An ffmpeg that encodes a chunk of the lecture, and the job that it works for."""
    found: list[tuple[psutil.Process, Job]] = []

    def is_there() -> bool:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if "libx264" in process.cmdline() and str(world.folder) in process.cwd():
                    found.extend((process, piece) for piece in _owner(process, lecture))
        return bool(found)

    eventually(is_there, 60, "an encoder of a chunk", pause=0.02)
    return found[0]


def _owner(encoder: psutil.Process, lecture: Job) -> list[Job]:
    """The running piece in whose scratch folder an encoder works, if it is one of the lecture's."""
    folders = Path(encoder.cwd()).parts
    running = lecture.children.filter(state="running", child_key__startswith="chunk")
    return [job for job in running if any(str(job.pk) in part for part in folders)]


def _kill_encoder(world: World, lecture: Job) -> str:
    encoder, piece = _encoder(world, lecture)
    encoder.kill()
    return piece.child_key


def _kill_process(world: World, lecture: Job) -> str:
    encoder, piece = _encoder(world, lecture)
    os.kill(world.holder(piece), signal.SIGKILL)
    # Its encoder dies with it, and does not go on beside the one that takes over.
    eventually(lambda: not _works(encoder), 5, "the orphaned encoder dies")
    return piece.child_key


def _works(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _outcomes(job: Job) -> list[str]:
    return list(
        JobAttempt.objects.filter(job=job).order_by("number").values_list("outcome", flat=True)
    )


def _attempts(job: Job) -> dict[str, list[str]]:
    return {name: _outcomes(piece) for name, piece in _pieces(job).items()}


def _video(job: Job) -> Video:
    return Video.objects.for_tenant(job.tenant_id).get(job=job)


def test_every_point_of_the_lectures_code_is_crashed_at():
    assert {point for points in STAGES.values() for point in points} == set(crash.VIDEO_POINTS)


@pytest.mark.parametrize("which", ["early", "late", "shared"])
def test_the_lecture_ends_right(world, crashed, which: str):
    job = getattr(crashed, which)
    assert (job.state, job.error_code) == ("succeeded", ""), world.story([job.pk])
    video = _video(job)
    assert video.state is VideoState.READY
    seconds, rate = (SHARED_SECONDS, SHARED_RATE) if which == "shared" else (SECONDS, RATE)
    assert video.manifest["frames"] == seconds * rate
    assert not video.manifest["damaged"]


def test_a_crash_costs_the_attempt_it_meets_and_nothing_that_was_finished(crashed):
    assert _outcomes(crashed.early)[:3] == ["lost", "lost", "waiting"]
    assert _attempts(crashed.early) == {
        "audio": ["lost", "lost", "succeeded"],
        "chunk-0000": ["lost", "lost", "succeeded"],
        "chunk-0001": ["succeeded"],
    }
    assert _outcomes(crashed.late) == ["waiting", "lost", "lost", "succeeded"]
    assert set(map(tuple, _attempts(crashed.late).values())) == {("succeeded",)}


def test_what_was_finished_is_not_encoded_again(crashed):
    encoders = encodes.counted(crashed.encodes)
    assert {name: encoders[str(piece.pk)] for name, piece in _pieces(crashed.early).items()} == {
        "audio": 3, "chunk-0000": 3, "chunk-0001": 1,
    }  # fmt: skip
    assert {encoders[str(piece.pk)] for piece in _pieces(crashed.late).values()} == {1}
    shared = {name: encoders[str(piece.pk)] for name, piece in _pieces(crashed.shared).items()}
    assert {name for name, times in shared.items() if times > 1} <= crashed.killed
    assert sum(shared.values()) <= len(shared) + 2, "two encoders were killed"


def test_a_second_delivery_of_a_lecture_or_a_piece_does_nothing(crashed):
    before = encodes.counted(crashed.encodes)
    for lecture in (crashed.early, crashed.late, crashed.shared):
        for job in (lecture, *_pieces(lecture).values()):
            attempts = _outcomes(job)
            for version in range(job.version + 1):
                assert run(job, version=version) is Verdict.DONE
            assert (_outcomes(job), job.state) == (attempts, "succeeded")
    assert encodes.counted(crashed.encodes) == before


def test_two_workers_share_a_lecture_and_only_what_was_killed_is_made_again(crashed):
    attempts = _attempts(crashed.shared)
    again = {name for name, outcomes in attempts.items() if len(outcomes) > 1}
    assert again <= crashed.killed
    assert all(outcomes[-1] == "succeeded" for outcomes in attempts.values())
    done = JobAttempt.objects.filter(job__parent=crashed.shared, outcome="succeeded")
    hosts = set(done.values_list("worker", flat=True))
    assert len(hosts) >= 2
    pieces = VideoPiece.objects.for_tenant(crashed.shared.tenant_id)
    assert pieces.filter(job__parent=crashed.shared).count() == len(attempts)


def test_what_is_left_is_what_the_lectures_need(world, crashed):
    outputs.sweep(grace=timedelta(seconds=-60))
    bucket = store(Bucket.VIDEO)
    for job in (crashed.early, crashed.late, crashed.shared):
        for one in (job, *job.children.all()):
            kept = list(bucket.keys(f"t/{one.tenant_id}/jobs/{one.pk}/"))
            assert kept
            assert all(f"/a{one.attempt}/" in key for key in kept), kept
        video = _video(job)
        listed = json.loads(bucket.read(video.output_prefix + "manifest.json"))["files"]
        assert all(bucket.head(video.output_prefix + name) for name in listed)


def test_nothing_is_left_on_the_hosts_and_every_log_is_a_legal_path(world, crashed):
    assert invariants.finally_(Job.unscoped.values_list("pk", flat=True)) == []
    assert not [p for p in _tools(world) if _works(p)]


def _tools(world: World) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(world.folder) in " ".join(process.cmdline()) and "ffmpeg" in process.name():
                found.append(process)
    return found
