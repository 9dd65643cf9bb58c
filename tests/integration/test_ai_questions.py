"""`ai.question_segmentation` from the submission to the crops, by ranges where it is long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from academy.ai.segmentation import handler
from academy.ai.segmentation.results import SegmentationResult
from academy.core.storage import Bucket, store
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from tests.support import documents
from tests.support.documents import pdf, written
from tests.support.jobs import make_tenant, run
from tests.support.printed_tests import Capture, Printer, captured, saved

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(plan="start")


def read(tenant: Tenant, path: Path, **params: Any) -> Job:
    upload = documents.uploaded(tenant, path)
    order = Order("ai.question_segmentation", {"upload": str(upload.pk), **params})
    job = job_submit(by=Submitter(tenant, "test"), order=order)
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    SegmentationResult.model_validate(job.result)
    return job.result


def children(job: Job, prefix: str) -> list[Job]:
    rows = Job.unscoped.filter(parent_id=job.pk, child_key__startswith=prefix)
    return list(rows.order_by("child_key"))


def questions(first: int, last: int) -> documents.Draw:
    lines = [f"{n}. 다음 중 옳은 것을 고르시오." for n in range(first, last + 1)]
    return written("기말고사 수학 영역 시험지입니다", *lines)


def test_a_scan_is_divided_and_its_pictures_are_stored(tenant: Tenant, tmp_path: Path) -> None:
    drawn = captured(Printer(8_003).draw(4), Capture.SCAN, 3)
    job = read(tenant, saved(tmp_path / "a.jpg", drawn.pages[:1]))
    result = result_of(job)
    assert (job.queue, result["engine"]) == ("ai-basic", "picture-number-chain")
    assert len(result["model"]["sha256"]) == 64
    found = result["result"]
    assert [one["n"] for one in found["questions"]] == [1, 2, 3, 4]
    names = {one["name"] for one in job.artifacts}
    assert names == {"page-0001.jpg"} | {one["crop"] for one in found["questions"]}
    key = next(one["key"] for one in job.artifacts if one["name"] == "question-0001.png")
    assert store(Bucket.AI).read(key).startswith(b"\x89PNG")


def test_a_long_test_is_divided_among_workers_and_its_numbers_go_on(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PART_PAGES", 2)
    pages = [questions(4 * at + 1, 4 * at + 4) for at in range(5)]
    job = read(tenant, pdf(tmp_path / "a.pdf", *pages))
    assert (job.state, job.percent) == (JobState.WAITING, 0)
    looks = children(job, "look-")
    assert [child.child_key for child in looks] == ["look-0001", "look-0003", "look-0005"]
    for child in looks:
        run(child)
    job.refresh_from_db()
    assert job.percent > 0
    run(job)
    assert job.state == JobState.WAITING
    for child in children(job, "cut-"):
        run(child)
    run(job)
    result = result_of(job)["result"]
    assert [one["n"] for one in result["questions"]] == list(range(1, 21))
    assert [one["page"] for one in result["questions"]] == [n // 4 + 1 for n in range(20)]
    assert result["missing"] == []
    assert len(job.artifacts) == 20 + 5
    assert all(one["key"].startswith(job.output_prefix) for one in job.artifacts)
    assert [page["number"] for page in result["pages"]] == [1, 2, 3, 4, 5]


def test_a_range_that_is_done_is_not_read_again_and_cancelling_ends_the_rest(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PART_PAGES", 1)
    job = read(tenant, pdf(tmp_path / "a.pdf", *[questions(1, 4)] * 3))
    first, *others = children(job, "look-")
    run(first)
    job_cancel(tenant=tenant, job_id=job.pk)
    assert {child.state for child in children(job, "look-")} == {
        JobState.SUCCEEDED, JobState.CANCELLED,
    }  # fmt: skip
    first.refresh_from_db()
    assert first.state == JobState.SUCCEEDED
    assert len(others) == 2


@pytest.mark.parametrize(
    ("content", "suffix"),
    [(b"%PDF-1.7\n" + bytes(300), ".pdf"), (b"\xff\xd8\xff\xe0" + bytes(300), ".jpg")],
)
def test_what_is_no_document_is_refused_for_good(
    tenant: Tenant, tmp_path: Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    job = read(tenant, path)
    assert (job.state, job.error_code) == (JobState.FAILED, "document_unreadable")
