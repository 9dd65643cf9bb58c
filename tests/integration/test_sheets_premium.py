"""A second engine reads what the first doubted, and an academy's own network learns from people."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from academy.ai.omr.results import ReviewResult, TrainResult
from academy.core import clock
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs.escalate import job_escalate
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Submitter
from academy.sheets import networks, retention
from academy.sheets.models import Exam, Scan, SheetNetwork
from academy.sheets.network import WEIGHTS
from academy.sheets.scans import effective, rows_left
from academy.sheets.services import scan_settle
from academy.sheets.synthetic.marks import Mark
from academy.tenants.models import Tenant
from tests.support import answer_sheets as made
from tests.support.jobs import drain, make_tenant
from tests.support.openapi import Document
from tests.support.rest import error_of, key_client

pytest.importorskip("torch", reason="torch is not installed")

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
QUEUES = ("ai-basic", "ai-premium")
HARD = (Mark.ERASED, Mark.CROSSED_OUT, Mark.TICK, Mark.LIGHT)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def hard_box(path: Path, tails: list[str]) -> Path:
    """Sheets that are marked in ways which need a second look."""
    pages: list[Image.Image] = []
    for number, tail in enumerate(tails):
        given = [1, (2, 3), 3, 4]
        hard = {question: HARD[(question + number) % len(HARD)] for question in range(1, 5)}
        pages.append(made.picture((tail, given), 40 + number, hard=hard))
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=150)
    return path


def scans_of(exam: Exam) -> list[Scan]:
    return list(Scan.objects.for_tenant(exam.tenant_id).filter(exam=exam).order_by("index"))


def read(tenant: Tenant, exam: Exam, box: Path, **params: str) -> Job:
    upload = made.uploaded(tenant, box)
    job = made.ordered(tenant, "sheets.read", exam=str(exam.pk), uploads=[str(upload.pk)], **params)
    drain(*QUEUES)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, (job.error_code, job.error_params)
    return job


def test_what_is_doubtful_is_read_again_by_a_click_and_the_first_reading_stays(
    tenant: Tenant, tmp_path: Path
) -> None:
    exam = made.exam(tenant)
    tails = [f"{n:04}" for n in range(1, 7)]
    for tail in tails:
        made.student(tenant, tail)
    first = read(tenant, exam, hard_box(tmp_path / "box.pdf", tails))
    before = {scan.pk: scan.reading for scan in scans_of(exam)}
    left = sum(len(rows_left(scan).questions) for scan in scans_of(exam))
    assert left > 0, "the marks of the test are not hard any more"
    by = Submitter(tenant, "test")
    review = job_escalate(by=by, job_id=first.pk)
    assert job_escalate(by=by, job_id=first.pk) == review
    client, document = key_client(tenant), Document()
    path = f"/api/v1/jobs/{first.pk}/escalate"
    clicked = client.post(path, {}, format="json")
    document.check_answer("post", path, 202, "application/json", clicked.json())
    assert (clicked.status_code, clicked.json()["id"]) == (202, str(review.pk))
    assert clicked.json()["escalation_of"] == str(first.pk)
    assert client.get(f"/api/v1/jobs/{first.pk}").json()["escalated_to"] == [str(review.pk)]
    refused = client.post(f"/api/v1/jobs/{review.pk}/escalate", {}, format="json")
    assert error_of(refused, 409)["code"] == "job_not_escalatable"
    assert (review.kind, review.queue, review.escalation_of_id) == (
        "sheets.review", "ai-premium", first.pk,
    )  # fmt: skip
    drain(*QUEUES)
    review.refresh_from_db()
    assert review.state == JobState.SUCCEEDED, (review.error_code, review.error_params)
    told = ReviewResult.model_validate(review.result)
    assert told.device == "cpu"
    assert "premium_on_cpu" in [warning.code for warning in told.warnings]
    result = review.result["result"]
    assert result["rows"] >= left
    assert result["settled"] + result["left"] == result["rows"]
    for scan in scans_of(exam):
        path = f"/api/v1/scans/{scan.pk}"
        shown = client.get(path)
        document.check_answer("get", path, 200, "application/json", shown.json())
        assert [one["job"] for one in shown.json()["reviews"]] == [str(review.pk)] * len(
            scan.reviews
        )
        assert scan.reading == before[scan.pk]
        certain = [one for one in effective(scan)["answers"] if one.get("reviewed_by")]
        assert all(one["status"] in {"ok", "blank", "multi"} for one in certain)
    again = made.ordered(tenant, "sheets.review", exam=str(exam.pk))
    drain(*QUEUES)
    again.refresh_from_db()
    assert again.result["result"]["rows"] == 0


def test_the_rule_has_it_read_again_within_the_job_and_names_both(
    tenant: Tenant, tmp_path: Path
) -> None:
    exam = made.exam(tenant)
    made.student(tenant, "0001")
    job = read(tenant, exam, hard_box(tmp_path / "box.pdf", ["0001", "0001"]), escalate="doubtful")
    review = Job.objects.for_tenant(tenant).get(kind="sheets.review")
    assert job.result["result"]["review"] == str(review.pk)
    assert review.state == JobState.SUCCEEDED


def test_a_plan_without_the_tier_refuses_the_rule_before_anything_is_read(
    tmp_path: Path,
) -> None:
    small = make_tenant(plan="start")
    exam = made.exam(small)
    upload = made.uploaded(small, hard_box(tmp_path / "box.pdf", ["0001"]))
    with pytest.raises(AppError) as caught:
        made.ordered(
            small, "sheets.read", exam=str(exam.pk), uploads=[str(upload.pk)], escalate="doubtful"
        )
    assert caught.value.code == "tier_not_in_plan"


def test_what_nobody_doubts_is_not_escalated(tenant: Tenant, tmp_path: Path) -> None:
    exam = made.exam(tenant)
    made.student(tenant, "1234")
    job = read(tenant, exam, made.pdf(tmp_path / "box.pdf", [("1234", [1, 2, 3, 4])]))
    with pytest.raises(AppError) as caught:
        job_escalate(by=Submitter(tenant, "test"), job_id=job.pk)
    assert caught.value.code == "nothing_to_escalate"


def test_a_network_learns_from_what_was_settled_and_reads_only_once_it_is_better(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("academy.ai.omr.params.MIN_LABELS", 3)
    monkeypatch.setattr("academy.ai.omr.train.MIN_LABELS", 3)
    exam = made.exam(tenant)
    with pytest.raises(AppError) as caught:
        made.ordered(tenant, "sheets.train", sheets=10, epochs=1, holdout=1)
    assert caught.value.code == "sheet_labels_too_few"
    tails = [f"{n:04}" for n in range(1, 9)]
    for tail in tails:
        made.student(tenant, tail)
    read(tenant, exam, hard_box(tmp_path / "box.pdf", tails))
    for scan in scans_of(exam):
        answers = {question: [question] for question in rows_left(scan).questions}
        if answers:
            scan_settle(tenant=tenant, by="test", scan_id=scan.pk, answers=answers)
    job = made.ordered(tenant, "sheets.train", sheets=10, epochs=1, holdout=1)
    drain(*QUEUES)
    job.refresh_from_db()
    if job.error_code == "sheet_labels_noisy":
        pytest.fail(f"the settled answers contradict their pictures: {job.error_params}")
    assert job.state == JobState.SUCCEEDED, (job.error_code, job.error_params)
    TrainResult.model_validate(job.result)
    result = job.result["result"]
    assert set(result["before"]) == set(result["after"])
    network = SheetNetwork.objects.for_tenant(tenant).get()
    assert (network.sha256, network.active) == (result["sha256"], result["promoted"])
    api, document = key_client(tenant), Document()
    listed = api.get("/api/v1/sheet-networks")
    document.check_answer(
        "get", "/api/v1/sheet-networks", listed.status_code, "application/json", listed.json()
    )
    assert [one["id"] for one in listed.json()["items"]] == [str(network.pk)]
    chosen = {"network": str(network.pk)}
    answer = api.put("/api/v1/sheet-networks/active", chosen, format="json")
    assert (answer.status_code, answer.json()) == (200, chosen)
    foreign = key_client(make_tenant()).put("/api/v1/sheet-networks/active", chosen, format="json")
    assert error_of(foreign, 404)["code"] == "sheet_network_not_found"
    own = networks.active_network(tenant.pk, tmp_path)
    assert own.read_bytes() != WEIGHTS.read_bytes()
    read(tenant, exam, made.pdf(tmp_path / "next.pdf", [("0001", [1, 2, 3, 4])]))
    networks.network_activate(tenant=tenant, network_id=None)
    assert networks.active_network(tenant.pk, tmp_path) == WEIGHTS
    assert networks.active_network(make_tenant().pk, tmp_path) == WEIGHTS


def test_old_pictures_are_deleted_and_what_was_read_stays(tenant: Tenant, tmp_path: Path) -> None:
    exam = made.exam(tenant)
    made.student(tenant, "1234")
    read(tenant, exam, made.pdf(tmp_path / "box.pdf", [("1234", [1, 2, 3, 4])]))
    (scan,) = scans_of(exam)
    overlay = scan.prefix + scan.reading["overlay"]
    assert retention.sweep() == 0
    with clock.frozen(clock.now() + timedelta(days=366)):
        assert retention.sweep() == 1
        assert retention.sweep() == 0
    assert store(Bucket.AI).head(overlay) is None
    assert scan.upload.store.head(scan.upload.key) is None
    shown = key_client(tenant).get(f"/api/v1/scans/{scan.pk}").json()
    assert shown["overlay"] is None
    assert shown["pictures_removed_at"] is not None
    scan.refresh_from_db()
    assert scan.pictures_removed_at is not None
    assert [answer["values"] for answer in scan.reading["answers"]] == [[1], [2], [3], [4]]
