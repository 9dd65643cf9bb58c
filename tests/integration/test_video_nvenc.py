"""Lectures on GPU hosts: one encoder for one lecture, and x264 for all of it where that fails.

The card is a stand-in (tests/support/nvenc.py): the platform's plans, commands and flow are real.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from academy.core.storage import Bucket, store
from academy.jobs import admission
from academy.jobs.cancel import job_cancel
from academy.jobs.errors import TransientError
from academy.jobs.models import Job, JobAttempt
from academy.jobs.replay import job_replay
from academy.jobs.selectors import job_logs
from academy.jobs.submit import Submitter
from academy.tenants.models import Tenant
from academy.video import deletion, encoders, orphans
from academy.video.handlers import fallback
from academy.video.handlers import join as join_handler
from academy.video.handlers.steps import LECTURE_STEPS
from academy.video.models import Video, VideoPiece
from tests.integration.test_video_inputs import divide_short
from tests.integration.test_video_lecture import divided, fetched, frames_of
from tests.integration.test_video_transcode import submit, uploaded
from tests.support import media
from tests.support.jobs import drain, let_wait_pass, make_tenant, run
from tests.support.nvenc import Card, GpuHost, gpu_host

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

SECONDS, RATE = 8, 10


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    divide_short(monkeypatch)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def host(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[GpuHost]:
    yield gpu_host(tmp_path / "gpu", settings, monkeypatch)
    encoders.forget()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two chunks of one rung, so that nothing is copied."""
    return clip(tmp_path_factory.mktemp("nvenc") / "a.mp4")


@pytest.fixture
def lecture(tenant: Tenant, source: Path) -> Job:
    return submit(tenant, uploaded(tenant, source))


def clip(path: Path, *, seconds: int = SECONDS, with_sound: bool = False) -> Path:
    return media.clip(path, size="320x180", rate=str(RATE), seconds=seconds, with_sound=with_sound)


def outcomes(job: Job) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attempt in JobAttempt.objects.filter(job__parent=job).order_by("job_id", "number"):
        found.setdefault(attempt.job.child_key, []).append(attempt.outcome)
    return found


def refused(job: Job) -> dict[str, str]:
    """What the pieces that gave up said."""
    rows = job.children.exclude(result__refused=None).values_list("child_key", "result")
    return {key: result["refused"] for key, result in rows if result and "refused" in result}


def ready(job: Job) -> Video:
    drain("video")
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)
    video = Video.objects.for_tenant(job.tenant_id).get(job=job)
    assert video.manifest["frames"] == SECONDS * RATE
    return video


def plan_of(video: Video) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store(Bucket.VIDEO).read(video.output_prefix + "plan.json"))
    return found


def said(job: Job) -> list[str]:
    return [line.message for line in job_logs(job.pk)]


def pieces_of(job: Job) -> set[str]:
    """The pieces that a flow can still find, by the encoder that the plan of their digest names."""
    return set(
        VideoPiece.objects.for_tenant(job.tenant_id)
        .exclude(digest="")
        .values_list("digest", flat=True)
    )


# ---------------------------------------------------------------- NVENC encodes


def test_a_lecture_of_gpu_hosts_is_nvencs_from_the_plan_to_the_last_piece(
    host: GpuHost, tenant: Tenant, tmp_path: Path
) -> None:
    job, video = divided(tenant, clip(tmp_path / "a.mp4", with_sound=True))

    plan = plan_of(video)
    assert (plan["plan"]["encoder"], plan["plan"]["on_gpu"]) == ("nvenc", True)
    assert "encoded with NVENC; decoded and scaled on the card" in plan["reasons"]
    assert " nvenc " in plan["encoder"]
    assert video.manifest["encoder"] == plan["encoder"]
    # Every chunk, and nothing else: not the sound.
    assert len(host.encodes) == len(plan["chunks"]) == 2
    assert all("-hwaccel cuda" in line for line in host.encodes)
    assert not any("libx264" in line for line in host.calls)
    folder = fetched(video, tmp_path / "out")
    (rung,) = video.manifest["renditions"]
    frames = frames_of(folder, rung["playlist"])
    assert len(frames) == SECONDS * RATE
    assert len({after[0] - before[0] for before, after in pairwise(frames)}) == 1
    assert set(map(tuple, outcomes(job).values())) == {("succeeded",)}


def test_a_short_recording_is_encoded_on_the_card(
    host: GpuHost, tenant: Tenant, tmp_path: Path
) -> None:
    source = clip(tmp_path / "a.mp4", seconds=3, with_sound=True)
    job = submit(tenant, uploaded(tenant, source))
    run(job)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    assert len(host.encodes) == 1
    assert " nvenc " in job.result["encoder"]
    assert "encoded with NVENC; decoded and scaled on the card" in job.result["reasons"]
    assert set(job.result["timings"]) == {step.name for step in LECTURE_STEPS}


# ---------------------------------------------------------------- and where it cannot


def test_a_short_recording_falls_back_in_the_same_attempt_and_says_so(
    host: GpuHost, tenant: Tenant, tmp_path: Path
) -> None:
    source = clip(tmp_path / "a.mp4", seconds=3, with_sound=True)
    job = submit(tenant, uploaded(tenant, source))
    encoders.hardware()
    host.card(Card.FAILS)
    run(job)
    assert job.state == "succeeded", (job.error_code, job.error_params)
    assert job.attempt == 1
    assert " x264 " in job.result["encoder"]
    assert job.result["reasons"][-1].startswith("encoded with x264 after all; with NVENC: ")
    assert job.result["frames"] == 30
    assert any("encoded with x264 after all" in line for line in said(job))
    # The card is not trusted again before it has been tried.
    assert not encoders.hardware().nvenc


@pytest.mark.parametrize("card", [Card.FAILS, Card.CRASHES])
def test_a_card_that_fails_has_the_lecture_planned_anew_once(
    host: GpuHost, lecture: Job, card: Card
) -> None:
    run(lecture)
    first, struck = lecture.children.order_by("id")
    run(first)
    nvenc = pieces_of(lecture)
    host.card(card)
    run(struck)
    while struck.state == "retry_wait":
        # What was killed may have been killed by somebody else.
        assert card is Card.CRASHES
        let_wait_pass(struck)
        assert admission.promote_retries() == 1
        encoders.forget()
        host.card(Card.WORKS)
        encoders.hardware()
        host.card(card)
        run(struck)
    assert struck.state == "succeeded"
    assert "NVENC failed in chunk-0001" in struck.result["refused"]
    asked = len(host.encodes)

    video = ready(lecture)

    assert len(host.encodes) == asked
    assert list(outcomes(lecture)) == [
        "chunk-0000", "chunk-0001", "chunk-0000.anew", "chunk-0001.anew",
    ]  # fmt: skip
    plan = plan_of(video)
    assert (plan["plan"]["encoder"], plan["plan"]["on_gpu"], plan["replanned"]) == (
        "x264", False, True,
    )  # fmt: skip
    assert [reason for reason in plan["reasons"] if "planned anew" in reason] == [
        plan["reasons"][-1]
    ]
    assert "NVENC failed in chunk-0001" in plan["reasons"][-1]
    assert " x264 " in video.manifest["encoder"]
    assert plan["reasons"][-1] in said(lecture)
    # What NVENC had made is found by nobody, and goes with the next sweep.
    assert pieces_of(lecture).isdisjoint(nvenc)
    assert {piece.job_id for piece in deletion.pieces_forgotten(10)} >= {first.pk, struck.pk}
    objects = store(Bucket.VIDEO)
    assert list(objects.keys(first.output_prefix))
    orphans.pieces_sweep()
    assert deletion.pieces_forgotten(10) == []
    assert list(objects.keys(first.output_prefix)) == []
    assert list(objects.keys(video.output_prefix))


def test_what_x264_had_finished_before_is_used_when_the_card_fails(
    host: GpuHost, lecture: Job
) -> None:
    host.become_cpu()
    run(lecture)
    run(lecture.children.get(child_key="chunk-0001"))
    job_cancel(tenant=lecture.tenant_id, job_id=lecture.pk)
    host.become_gpu()
    again = job_replay(by=Submitter(lecture.tenant, "test"), job_id=lecture.pk)
    run(again)
    encoders.hardware()
    host.card(Card.FAILS)
    ready(again)
    # The card failed with the first piece. The second gave up with it, and was done before.
    assert set(refused(again)) == {"chunk-0000", "chunk-0001"}
    assert len(host.encodes) == 1
    assert {key for key in outcomes(again) if key.endswith(".anew")} == {"chunk-0000.anew"}


def test_a_host_without_a_card_looks_for_another_and_then_gives_up(
    host: GpuHost, lecture: Job
) -> None:
    run(lecture)
    host.become_cpu()
    child = lecture.children.get(child_key="chunk-0001")
    for _ in range(fallback.MAX_REFUSALS - 1):
        run(child)
        assert child.state == "queued", "given back: no failure is counted"
        let_wait_pass(child)
    run(child)
    video = ready(lecture)
    assert outcomes(lecture) == {
        "chunk-0000": ["succeeded"],  # nobody waits once one piece has given up
        "chunk-0001": ["released"] * (fallback.MAX_REFUSALS - 1) + ["succeeded"],
        "chunk-0000.anew": ["succeeded"],
        "chunk-0001.anew": ["succeeded"],
    }
    assert "was not to be had for chunk-0001" in plan_of(video)["reasons"][-1]


def test_the_sound_needs_no_card(host: GpuHost, tenant: Tenant, tmp_path: Path) -> None:
    lecture = submit(tenant, uploaded(tenant, clip(tmp_path / "a.mp4", with_sound=True)))
    run(lecture)
    host.become_cpu()
    sound = lecture.children.get(child_key="audio")
    run(sound)
    assert sound.state == "succeeded"
    assert refused(lecture) == {}


def test_a_join_that_dies_while_it_plans_anew_goes_on_with_the_new_plan(
    host: GpuHost, lecture: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(lecture)
    for child in lecture.children.all():
        host.card(Card.FAILS if child.child_key == "chunk-0001" else Card.WORKS)
        run(child)
    nvenc = pieces_of(lecture)

    def dies(*_: Any, **__: Any) -> None:
        raise TransientError("video_worker_killed")

    with monkeypatch.context() as dying:
        dying.setattr(deletion, "pieces_abandon", dies)
        run(lecture)
    assert lecture.state == "retry_wait"
    assert pieces_of(lecture) == nvenc
    let_wait_pass(lecture)
    assert admission.promote_retries() == 1
    video = ready(lecture)
    assert plan_of(video)["plan"]["encoder"] == "x264"
    assert pieces_of(lecture).isdisjoint(nvenc)
    assert sum("planned anew" in line for line in said(lecture)) == 1


def test_cards_whose_streams_do_not_join_are_given_up_for_x264(
    host: GpuHost, lecture: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As two generations of cards make them, however often.
    monkeypatch.setattr(join_handler, "MAX_TURNS", 0)
    run(lecture)
    for child in lecture.children.all():
        run(child)
    piece = VideoPiece.objects.for_tenant(lecture.tenant_id).get(name="chunk-0001")
    piece.facts["renditions"]["180p"]["init_sha256"] = "0" * 64
    piece.save()
    video = ready(lecture)
    assert "another init segment" in plan_of(video)["reasons"][-1]
    assert plan_of(video)["plan"]["encoder"] == "x264"
    assert len(host.encodes) == 2


def test_a_flow_that_shares_the_recording_keeps_the_pieces_that_nvenc_finished(
    host: GpuHost, tenant: Tenant, source: Path
) -> None:
    upload = uploaded(tenant, source)
    lecture, other = submit(tenant, upload), submit(tenant, upload, "Lesson 2")
    run(lecture)
    run(other)
    first, second = lecture.children.order_by("id")
    run(first)
    host.card(Card.FAILS)
    run(second)
    digest = second.result["digest"]
    run(lecture)
    left = VideoPiece.objects.for_tenant(tenant).filter(digest=digest)
    assert list(left.values_list("name", flat=True)) == [first.child_key]
