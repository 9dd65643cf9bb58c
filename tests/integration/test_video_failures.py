"""What goes wrong on a host while a lecture is made: a tool that hangs, a store that fails.

A cancel ends every stage within 5 s and leaves nothing behind; what fails for a moment is tried
again and spoils nothing that is finished.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connection

from academy.core import clock
from academy.core.objects import StorageError
from academy.core.storage import Bucket, ObjectStore, store
from academy.jobs import admission
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job, JobAttempt
from academy.jobs.submit import Submitter
from academy.sandbox import process
from academy.tenants.models import Tenant
from academy.video import deletion, encoders, mp4
from academy.video.models import Video, VideoPiece, VideoState
from tests.integration.test_video_inputs import divide_short
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import lectures, media
from tests.support.jobs import drain, let_wait_pass, make_tenant, run
from tests.support.processes import eventually

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

_TOOLS = {
    "reading the file": "-show_streams",
    "finding its pictures": "packet=pts_time",
    "copying its sound out": "matroska",
    "encoding a chunk": "libx264",
    "encoding the sound": "audio_init.mp4",
    "checking a segment": "-xerror",
    "drawing the poster": "thumbnail",
}


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    divide_short(monkeypatch, direct_seconds=3)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("failures") / "a.mp4"
    return media.lesson(path, size="128x72", rate="10")


@pytest.fixture
def scratch(tmp_path: Path, settings: Any) -> Path:
    """A scratch folder of its own, and leases so short that a cancel is seen at once."""
    settings.SCRATCH_DIR = tmp_path / "scratch"
    settings.JOB_LEASE_SECONDS = 3
    return tmp_path / "scratch"


@pytest.fixture
def lecture(tenant: Tenant, source: Path) -> Job:
    return submit(tenant, uploaded(tenant, source))


@pytest.fixture(params=_TOOLS, ids=str)
def hung_tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Every tool of one stage stands still as soon as it is started."""
    mark, hung = _TOOLS[request.param], threading.Event()
    start = process.Process._start

    def start_and_stop(self: process.Process) -> subprocess.Popen[bytes]:
        child = start(self)
        if mark in " ".join(self._argv):
            os.killpg(child.pid, signal.SIGSTOP)
            hung.set()
        return child

    monkeypatch.setattr(process.Process, "_start", start_and_stop)
    return hung


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], threading.Event]]:
    """Has the object store take a request for some key and not answer; tells when it did."""
    over = threading.Event()

    def make(call: str, mark: str) -> threading.Event:
        hung, answer = threading.Event(), getattr(ObjectStore, call)

        def act(self: ObjectStore, key: str, *arguments: Any, **options: Any) -> Any:
            if mark not in key or over.is_set():
                return answer(self, key, *arguments, **options)
            hung.set()
            over.wait(20)
            raise StorageError("storage_unavailable", call, key)

        monkeypatch.setattr(ObjectStore, call, act)
        return hung

    yield make
    over.set()


def _cancelled_within_seconds(job: Job, hung: threading.Event, scratch: Path) -> None:
    worker = threading.Thread(target=_work)
    worker.start()
    assert hung.wait(40)
    asked = clock.monotonic()
    job_cancel(tenant=job.tenant, job_id=job.pk)
    worker.join(timeout=20)
    assert not worker.is_alive()
    assert clock.monotonic() - asked < 5
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert not job.children.exclude(state__in=["cancelled", "succeeded"]).exists()
    assert not scratch.exists() or list(scratch.iterdir()) == []
    eventually(lambda: not _tools(), 5, "no tool is left")


def _work() -> None:
    try:
        drain("video")
    finally:
        connection.close()


def _tools() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "ff" in child.name()]


def test_a_cancel_ends_a_tool_that_hangs_in_any_stage(
    lecture: Job, scratch: Path, hung_tool: threading.Event
) -> None:
    _cancelled_within_seconds(lecture, hung_tool, scratch)
    assert Video.objects.for_tenant(lecture.tenant_id).get().state is VideoState.CANCELLED


@pytest.mark.parametrize(
    ("call", "mark"),
    [
        pytest.param("read", "/source", id="fetching the source"),
        pytest.param("put_file", "sound.mka", id="storing the sound for its piece"),
        pytest.param("put_bytes", "plan.json", id="storing the plan"),
        pytest.param("read", "plan.json", id="reading the plan"),
        pytest.param("read", "sound.mka", id="fetching what a piece needs"),
        pytest.param("put_file", "72p_00000.m4s", id="storing segments"),
        pytest.param("keys", "", id="looking for the pieces"),
        pytest.param("read", ".m4s", id="reading the picture of the poster"),
        pytest.param("put_file", "master.m3u8", id="publishing"),
    ],
)
def test_a_cancel_does_not_wait_for_the_object_store(
    lecture: Job,
    scratch: Path,
    hang: Callable[[str, str], threading.Event],
    call: str,
    mark: str,
) -> None:
    _cancelled_within_seconds(lecture, hang(call, mark), scratch)
    assert Video.objects.for_tenant(lecture.tenant_id).get().state is VideoState.CANCELLED


def test_a_cancel_does_not_wait_for_the_store_while_an_mp4_is_made(
    lecture: Job, scratch: Path, hang: Callable[[str, str], threading.Event]
) -> None:
    video = _ready(lecture)
    by = Submitter(lecture.tenant, "test")
    for call, mark in (("put_file", "download_"), ("read", ".m4s"), ("read", ".m3u8")):
        job = mp4.download_request(by=by, video_id=video.pk).job
        assert job is not None
        _cancelled_within_seconds(job, hang(call, mark), scratch)


def test_a_cancel_does_not_wait_for_a_deletion_to_be_answered(
    tenant: Tenant, scratch: Path, hang: Callable[[str, str], threading.Event]
) -> None:
    video = lectures.ready(tenant)
    deletion.video_delete(tenant=tenant, video_id=video.pk, by="test")
    deleted = deletion.video_purge(tenant=tenant, video_id=video.pk)
    assert deleted.purge_job is not None
    _cancelled_within_seconds(deleted.purge_job, hang("delete_prefix", "jobs"), scratch)


# ---------------------------------------------------------------- a disk that is full


@pytest.mark.parametrize(
    ("mark", "name"),
    [("matroska", ""), ("libx264", "chunk-0000"), ("audio_init.mp4", "audio"), ("thumbnail", "")],
    ids=["copying the sound out", "encoding a chunk", "encoding the sound", "the poster"],
)
def test_a_tool_that_meets_a_full_disk_is_started_again_later(
    lecture: Job, scratch: Path, monkeypatch: pytest.MonkeyPatch, mark: str, name: str
) -> None:
    start, met = process.Process._start, threading.Event()

    def start_without_room(self: process.Process) -> subprocess.Popen[bytes]:
        if mark in " ".join(self._argv) and not met.is_set():
            met.set()
            half = "head -c 50000 /dev/zero > 72p_00000.m4s.tmp"
            said = "[out#0/hls @ 0x1] [error] Error muxing a packet: No space left on device"
            self._argv = ["/bin/sh", "-c", f"{half}; echo '{said}' >&2; exit 228"]
        return start(self)

    monkeypatch.setattr(process.Process, "_start", start_without_room)
    drain("video")
    waiting = lecture.children.get(child_key=name) if name else lecture
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error_code) == ("retry_wait", "disk_full")
    assert list(scratch.iterdir()) == []
    _wait_over(waiting)
    _ready(lecture)


def test_a_disk_that_fills_while_the_source_is_fetched_costs_an_attempt(
    lecture: Job, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        run(lecture)
    assert (lecture.state, lecture.error_code) == ("retry_wait", "disk_full")
    assert list(scratch.iterdir()) == []
    _wait_over(lecture)
    _ready(lecture)


def _attempts(job: Job) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attempt in JobAttempt.objects.filter(job__parent=job).order_by("number"):
        found.setdefault(attempt.job.child_key, []).append(attempt.outcome)
    return found


def _wait_over(job: Job) -> None:
    let_wait_pass(job)
    assert admission.promote_retries() == 1


def _ready(job: Job) -> Video:
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    video = Video.objects.for_tenant(job.tenant_id).get(job=job)
    assert video.manifest["frames"] == media.LESSON_SECONDS * 10
    return video


def test_a_store_that_fails_in_the_middle_of_a_piece_costs_that_piece_a_second_attempt(
    lecture: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_file = ObjectStore.put_file
    failed: list[str] = []

    def flaky(self: ObjectStore, key: str, *arguments: Any, **options: Any) -> None:
        if key.endswith("72p_00001.m4s") and not failed:
            failed.append(key)
            raise StorageError("storage_unavailable", "put_file", key)
        put_file(self, key, *arguments, **options)

    monkeypatch.setattr(ObjectStore, "put_file", flaky)
    drain("video")
    waiting = lecture.children.get(state="retry_wait")
    assert (waiting.child_key, waiting.error_code) == ("chunk-0001", "storage_unavailable")
    _wait_over(waiting)
    _ready(lecture)
    assert _attempts(lecture) == {
        "audio": ["succeeded"],
        "chunk-0000": ["succeeded"],
        "chunk-0001": ["transient", "succeeded"],
    }


@pytest.mark.parametrize("fault", ["another encoder's", "a hole", "an object gone"])
def test_a_piece_that_does_not_fit_is_made_again_and_no_other(lecture: Job, fault: str) -> None:
    run(lecture)
    for child in lecture.children.all():
        run(child)
    bad = VideoPiece.objects.for_tenant(lecture.tenant_id).get(name="chunk-0001")
    facts = bad.facts["renditions"]["72p"]
    if fault == "another encoder's":
        facts["init_sha256"] = "0" * 64
    elif fault == "a hole":
        facts["first_decode_time"] += 512
    else:
        store(Bucket.VIDEO).delete(bad.prefix + facts["names"][0])
    bad.save()
    _ready(lecture)
    again = {key for key in _attempts(lecture) if key.endswith(".1")}
    assert "chunk-0001.1" in again
    assert again <= {"chunk-0000.1", "chunk-0001.1"}
    assert "audio.1" not in again


def test_a_host_with_another_ffmpeg_leaves_pieces_to_others(
    lecture: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(lecture)
    child = lecture.children.get(child_key="chunk-0000")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(encoders, "name", lambda *_: "ffmpeg 4.2 x264 veryfast crf 23 lanczos")
        run(child)
    assert child.state == "queued", "given back: no failure is counted"
    assert child.attempts.get().error_code == "video_encoder_differs"
    assert list(store(Bucket.VIDEO).keys(f"t/{child.tenant_id}/jobs/{child.pk}/")) == []
    let_wait_pass(child)
    _ready(lecture)
    assert _attempts(lecture)["chunk-0000"] == ["released", "succeeded"]
