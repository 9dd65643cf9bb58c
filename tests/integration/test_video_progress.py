"""What a teacher sees of a lecture at work: the steps, each with percent and the time left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from academy.jobs import lease
from academy.jobs.context import Child, FanOut, JobContext
from academy.jobs.execute import finish
from academy.jobs.lease import Beat, Progress, Settlement
from academy.jobs.models import Job
from academy.jobs.states import JobState, Outcome
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.video.handlers.steps import LECTURE_STEPS, TRANSCODING
from tests.integration.test_video_inputs import divide_short
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import lectures, media
from tests.support.jobs import claim, drain, make_tenant

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

NAMES = [step.name for step in LECTURE_STEPS]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def client(tenant: Tenant) -> Client:
    key = key_create(tenant=tenant, name="reader", scopes=frozenset({"videos:read"}))
    return Client(headers={"Authorization": f"Bearer {key.token}"})


def _pieces(job: Job, count: int) -> list[Job]:
    held = claim(job)
    children = [
        Child(f"chunk-{number}", "video.piece", {"plan": "plan", "piece": f"chunk-{number}"})
        for number in range(count)
    ]
    waiting = Settlement(
        JobState.WAITING, Outcome.WAITING, next_phase="join",
        progress=Progress(TRANSCODING.name, TRANSCODING.start, None),
    )  # fmt: skip
    finish(held, waiting, FanOut(children, then="join", until_percent=TRANSCODING.end))
    return list(job.children.order_by("id"))


def _is_at(piece: Job, percent: float) -> None:
    held = claim(piece)
    beat = Beat(held.job_id, held.attempt, Progress("transcoding", percent, 5.0))
    with connection.cursor() as cursor:
        lease.renew([beat], cursor)


def test_the_pieces_at_work_move_the_lecture_on(tenant: Tenant, client: Client) -> None:
    video = lectures.submitted(tenant)
    pieces = _pieces(video.job, 4)

    def shown() -> dict[str, Any]:
        body: dict[str, Any] = client.get(f"/api/v1/videos/{video.pk}").json()
        assert body["state"] == "processing"
        progress: dict[str, Any] = body["progress"]
        return progress

    before = shown()
    assert (before["step"], before["percent"]) == (TRANSCODING.name, TRANSCODING.start)
    lectures.piece_made(pieces[0], digest="d")
    _is_at(pieces[1], 50)
    now = shown()
    # A piece and a half of four.
    share = 1.5 / 4
    assert now["percent"] == pytest.approx(TRANSCODING.at(share), abs=0.1)
    assert now["eta_seconds"] > 0
    steps = {step["name"]: step for step in now["steps"]}
    assert list(steps) == NAMES
    assert [steps[name]["state"] for name in NAMES] == ["done", "done", "running", *["waiting"] * 3]
    assert steps["downloading"]["percent"] == steps["probing"]["percent"] == 100
    assert steps["transcoding"]["percent"] == pytest.approx(100 * share, abs=0.2)
    assert steps["transcoding"]["eta_seconds"] == now["eta_seconds"]
    assert steps["uploading"]["percent"] == 0

    for piece in pieces[2:]:
        lectures.piece_made(piece, digest="d")
    assert shown()["percent"] == pytest.approx(TRANSCODING.at(3.5 / 4), abs=0.1)


def test_a_lecture_that_is_joined_has_its_pieces_behind_it(tenant: Tenant, client: Client) -> None:
    video = lectures.submitted(tenant)
    for piece in _pieces(video.job, 2):
        lectures.piece_made(piece, digest="d")
    claim(video.job)
    progress = client.get(f"/api/v1/videos/{video.pk}").json()["progress"]
    states = [step["state"] for step in progress["steps"]]
    assert states == ["done", "done", "done", "running", "waiting", "waiting"]


@pytest.mark.parametrize("in_pieces", [False, True], ids=["direct", "divided"])
def test_every_step_is_told_with_the_time_left(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_pieces: bool
) -> None:
    if in_pieces:
        divide_short(monkeypatch, direct_seconds=3)
    told: list[tuple[str, float, float | None]] = []
    progress = JobContext.progress

    def listen(
        self: JobContext[Any], step: str, percent: float, *, eta_seconds: float | None = None
    ) -> None:
        if self.kind == "video.transcode":
            told.append((step, percent, eta_seconds))
        progress(self, step, percent, eta_seconds=eta_seconds)

    monkeypatch.setattr(JobContext, "progress", listen)
    source = media.lesson(tmp_path / "a.mp4", size="128x72", rate="10")
    job = submit(tenant, uploaded(tenant, source))
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    assert list(dict.fromkeys(step for step, _, _ in told)) == NAMES
    percents = [percent for _, percent, _ in told]
    assert percents == sorted(percents)
    # Pieces tell of the encoding, and the flow of its time.
    wanted = set(NAMES) - ({TRANSCODING.name} if in_pieces else set())
    assert {step for step, _, eta in told if eta is not None} >= wanted


def test_the_result_tells_how_long_every_step_took(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    divide_short(monkeypatch)
    source = media.clip(tmp_path / "a.mp4", size="160x90", rate="10", seconds=8)
    job = submit(tenant, uploaded(tenant, source))
    drain("video")
    job.refresh_from_db()
    assert job.result is not None

    timings, of_pieces = job.result["timings"], job.result["piece_timings"]
    # The plan's attempt, the pieces between, and the join's.
    assert set(timings) == set(NAMES)
    assert all(seconds > 0 for seconds in timings.values())
    assert set(of_pieces) == {"downloading", "transcoding", "validating", "uploading"}
    each = [child.result["timings"] for child in job.children.all() if child.result]
    assert len(each) == 3
    for name, seconds in of_pieces.items():
        assert seconds == pytest.approx(sum(one[name] for one in each), abs=0.01)
    # One worker did the pieces one after the other, and the lecture waited for all.
    assert timings["transcoding"] > of_pieces["transcoding"]
