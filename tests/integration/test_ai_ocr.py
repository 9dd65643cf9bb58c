"""`ai.ocr_text` from the submission to the stored text, by ranges where it is long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from academy.ai.ocr import handler
from academy.ai.ocr.data import language_data
from academy.ai.ocr.results import OcrResult
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from academy.uploads.models import Upload
from tests.support import documents
from tests.support.documents import pdf, picture, written
from tests.support.jobs import make_tenant, run

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
LINES = ("다음 글을 읽고 물음에 답하시오.", "Read the text, then answer 3 questions.")


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(plan="start")


def submitted(tenant: Tenant, upload: Upload, **params: Any) -> Job:
    order = Order("ai.ocr_text", {"upload": str(upload.pk), **params})
    return job_submit(by=Submitter(tenant, "test"), order=order)


def read(tenant: Tenant, path: Path, **params: Any) -> Job:
    job = submitted(tenant, documents.uploaded(tenant, path), **params)
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    OcrResult.model_validate(job.result)
    return job.result


def stored_pages(job: Job, tmp_path: Path) -> list[dict[str, Any]]:
    (artifact,) = [one for one in job.artifacts if one["name"] == "pages.json"]
    target = tmp_path / "stored.json"
    store(Bucket.AI).get_file(artifact["key"], target)
    return json.loads(target.read_text(encoding="utf-8"))["pages"]  # type: ignore[no-any-return]


def test_a_pdf_with_a_text_layer_is_read_exactly(tenant: Tenant, tmp_path: Path) -> None:
    job = read(tenant, pdf(tmp_path / "a.pdf", written(*LINES)), overlay=True)
    result = result_of(job)
    assert job.queue == "ai-lite"
    assert (result["engine"], result["model"], result["review_required"]) == (
        "pdfium-text", None, False,
    )  # fmt: skip
    (page,) = result["result"]["pages"]
    assert [line["text"] for line in page["lines"]] == list(LINES)
    assert (page["width"], page["height"], page["dpi"]) == (1652, 2338, 200)
    # 60 points from the left, the first base line 780 points from the bottom.
    left, top, right, bottom = page["lines"][0]["bbox"]
    assert abs(left - 60 * 200 / 72) < 8
    assert top < (842 - 780) * 200 / 72 < bottom
    assert right < 900
    assert {one["name"] for one in job.artifacts} == {"pages.json", "overlay-0001.jpg"}


def test_a_picture_is_recognised_or_refused_with_what_is_missing(
    tenant: Tenant, tmp_path: Path
) -> None:
    """Recognition where the host has language data; else the refusal that users then see.

    The data is a package of the system, not of Python, so that a host of tests may lack it.
    """
    path = documents.shaded(picture(tmp_path / "a.png", *LINES * 3), turned=1.5)
    job = read(tenant, path)
    if language_data() is None:
        assert (job.state, job.error_code) == (JobState.FAILED, "ocr_not_installed")
        return
    result = result_of(job)
    assert result["engine"].startswith("tesseract-5")
    assert len(result["model"]["sha256"]) == 64
    (page,) = result["result"]["pages"]
    text = "".join(line["text"] for line in page["lines"]).replace(" ", "")
    wanted = "".join(LINES * 3).replace(" ", "")
    assert sum(a != b for a, b in zip(text, wanted, strict=False)) <= 0.06 * len(wanted)
    assert page["source"] == "ocr"


def test_without_language_data_the_job_says_what_is_missing(
    tenant: Tenant, tmp_path: Path, settings: Any
) -> None:
    settings.TESSDATA_DIR = tmp_path / "empty"
    job = read(tenant, picture(tmp_path / "a.png", *LINES))
    assert (job.state, job.error_code) == (JobState.FAILED, "ocr_not_installed")


def test_a_long_document_is_read_by_ranges_and_joined_in_order(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PART_PAGES", 2)
    monkeypatch.setattr(handler, "INLINE_LINES", 3)
    path = pdf(
        tmp_path / "a.pdf", *(written(f"{n}쪽의 글은 이렇게 시작합니다.") for n in range(1, 6))
    )
    job = read(tenant, path, first_page=2, overlay=True)
    assert job.state == JobState.WAITING
    children = list(Job.objects.for_tenant(tenant).filter(parent=job).order_by("child_key"))
    assert [child.child_key for child in children] == ["0002", "0004"]
    for child in children:
        run(child)
        assert child.queue == "ai-lite"
    run(job)
    result = result_of(job)["result"]
    assert [page["number"] for page in result["pages"]] == [2, 3, 4, 5]
    assert {page["lines"] for page in result["pages"]} == {None}
    pages = stored_pages(job, tmp_path)
    assert [page["lines"][0]["text"][:2] for page in pages] == ["2쪽", "3쪽", "4쪽", "5쪽"]
    assert len(job.artifacts) == 5
    assert all(one["key"].startswith(job.output_prefix) for one in job.artifacts)


def test_cancelling_a_divided_document_ends_its_ranges(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PART_PAGES", 1)
    job = read(tenant, pdf(tmp_path / "a.pdf", written(*LINES), written(*LINES)))
    job_cancel(tenant=tenant, job_id=job.pk)
    states = Job.objects.for_tenant(tenant).filter(parent=job).values_list("state", flat=True)
    assert set(states) == {JobState.CANCELLED}


@pytest.mark.parametrize(
    ("content", "suffix", "code"),
    [
        (b"%PDF-1.7\nnothing of the kind", ".pdf", "document_unreadable"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), ".png", "document_unreadable"),
        (b"no document", ".pdf", "document_unreadable"),
    ],
)
def test_what_is_no_document_is_refused_for_good(
    tenant: Tenant, tmp_path: Path, content: bytes, suffix: str, code: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    job = read(tenant, path)
    assert (job.state, job.error_code) == (JobState.FAILED, code)


def test_a_page_behind_the_end_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    job = read(tenant, pdf(tmp_path / "a.pdf", written(*LINES)), first_page=2)
    assert (job.error_code, job.error_params) == ("document_page_missing", {"page": 2, "pages": 1})


def test_a_tier_without_an_engine_is_refused_before_anything_is_stored(
    tenant: Tenant, tmp_path: Path
) -> None:
    upload = documents.uploaded(tenant, pdf(tmp_path / "a.pdf", written(*LINES)))
    with pytest.raises(AppError) as refused:
        submitted(tenant, upload, tier="basic")
    assert refused.value.code == "tier_not_offered"
    assert not Job.objects.for_tenant(tenant).exists()


def test_an_upload_of_another_academy_does_not_exist(tenant: Tenant, tmp_path: Path) -> None:
    foreign = documents.uploaded(make_tenant(), pdf(tmp_path / "a.pdf", written(*LINES)))
    with pytest.raises(AppError) as refused:
        submitted(tenant, foreign)
    assert refused.value.code == "upload_not_found"
