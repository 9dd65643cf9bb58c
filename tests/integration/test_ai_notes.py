"""Wrong notes: the missed questions alone, text as text, and strangers' files refused by code."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from academy.ai.notes.kind import WRONG_NOTE
from academy.ai.notes.results import WrongNoteResult
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.documents import paper
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.tenants.models import Tenant
from academy.uploads.models import Upload
from tests.support import sheets
from tests.support.jobs import make_tenant, run
from tests.support.rest import key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
_SCALE = 200 / 72


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def exam(path: Path, *, rotation: int = 0, shaded: bool = False, one_form: bool = False) -> Path:
    """A page of eight questions in two columns, each with a figure."""
    paper.register_font()
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    if one_form:
        canvas.beginForm("all")
    canvas.setFont(paper.FONT, 11)
    for number in range(1, 9):
        left, top, _, _ = place(number)
        canvas.drawString(left + 10, A4[1] - top - 20, f"{number}. 문항표식{number}의 값은?")
        canvas.rect(left + 20, A4[1] - top - 120, 60 + 10 * number, 60)
        if shaded:
            canvas.linearGradient(0, 0, 300, 800, ("#ff0000", "#ffffff"))
    if one_form:
        canvas.endForm()
        canvas.doForm("all")
    canvas.showPage()
    canvas.save()
    if rotation:
        with pypdfium2.PdfDocument(path) as document:
            document[0].set_rotation(rotation)
            document.save(path.with_name(f"turned-{path.name}"))
        return path.with_name(f"turned-{path.name}")
    return path


def place(number: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a question in points, as an upright page is seen."""
    column, row = divmod(number - 1, 4)
    left, top = 40.0 + column * 260, 40.0 + row * 190
    return left, top, left + 250, top + 170


def bbox(number: int, rotation: int = 0) -> list[int]:
    """The same on the page as it is turned, in pixels at 200 dpi."""
    left, top, right, bottom = place(number)
    width, height = A4
    seen = {
        0: (left, top, right, bottom),
        90: (height - bottom, left, height - top, right),
        180: (width - right, height - bottom, width - left, height - top),
        270: (top, width - right, bottom, width - left),
    }[rotation]
    return [int(side * _SCALE) for side in seen]


def photo(path: Path) -> Path:
    image = Image.new("RGB", (1200, 900), "white")
    ImageDraw.Draw(image).rectangle((100, 100, 700, 500), fill="black")
    image.save(path)
    return path


def uploaded(tenant: Tenant, path: Path) -> Upload:
    pdf = path.suffix == ".pdf"
    upload = sheets.uploaded(
        tenant, path, bucket=Bucket.AI.value, purpose="pdf" if pdf else "image",
        content_type="application/pdf" if pdf else "image/png",
    )  # fmt: skip
    upload.store.put_file(upload.key, path, upload.content_type)
    return upload


def submitted(tenant: Tenant, questions: Sequence[dict[str, Any]], **params: Any) -> Job:
    order = Order(WRONG_NOTE.name, {"questions": questions, **params})
    return jobs_submit(by=Submitter(tenant, "test"), orders=[order])[0]


def made(tenant: Tenant, questions: Sequence[dict[str, Any]], **params: Any) -> Job:
    job = submitted(tenant, questions, **params)
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    WrongNoteResult.model_validate(job.result)
    result: dict[str, Any] = job.result["result"]
    return result


def file_of(job: Job, folder: Path) -> Path:
    (artifact,) = job.artifacts
    path = folder / "made.pdf"
    store(Bucket.AI).get_file(artifact["key"], path)
    return path


def texts(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def dark(path: Path, page: int = 0) -> np.ndarray[Any, Any]:
    """Where a page has ink, at 72 dpi."""
    with pypdfium2.PdfDocument(path) as document:
        return np.asarray(document[page].render(grayscale=True).to_numpy() < 128)


def test_the_booklet_has_the_missed_questions_alone_and_their_answers_at_the_end(
    tenant: Tenant, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    upload = str(uploaded(tenant, exam(tmp_path / "a.pdf")).pk)
    questions = [
        {"upload": upload, "bbox": bbox(2), "number": "2", "student_answer": "①",
         "correct_answer": "③", "note": "<b>부호</b> & 이항"},
        {"upload": upload, "bbox": bbox(7), "number": "7", "correct_answer": "12"},
    ]  # fmt: skip
    job = made(tenant, questions, title="3월 오답", student="김보기비밀")
    result = result_of(job)
    assert (result["questions"], result["as_text"], result["as_picture"]) == (2, 2, 0)
    *pages, answers = texts(file_of(job, tmp_path))
    assert result["pages"] == len(pages) + 1
    body = "".join(pages)
    assert [f"문항표식{n}" in body for n in range(1, 9)] == [n in {2, 7} for n in range(1, 9)]
    assert "3월 오답" in body
    assert "김보기비밀" in body
    assert "③" not in body
    assert "③ (내 답: ①)" in " ".join(answers.split())
    assert "<b>부호</b> & 이항" in answers
    assert "김보기비밀" not in caplog.text + str(job.result) + str(job.artifacts)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_page_is_cut_as_it_is_seen(tenant: Tenant, tmp_path: Path, rotation: int) -> None:
    turned = uploaded(tenant, exam(tmp_path / "a.pdf", rotation=rotation))
    question = {"upload": str(turned.pk), "bbox": bbox(3, rotation)}
    path = file_of(made(tenant, [question], columns=1, answers=False, space_mm=0), tmp_path)
    with pypdfium2.PdfDocument(tmp_path / "turned-a.pdf") as document:
        left, top, right, bottom = (round(side / _SCALE) for side in question["bbox"])
        seen = document[0].render(grayscale=True).to_numpy()[top:bottom, left:right] < 128
    ink = dark(path)
    # Below the heading's line and the number, to the right of the margin's edge.
    rows, columns = np.nonzero(seen)
    height, width = np.ptp(rows), np.ptp(columns)
    x = round(paper.MARGIN) + columns.min()
    found = np.nonzero(ink[110:780, x - 2 : x + width + 3])
    assert np.ptp(found[0]) == pytest.approx(height, abs=3)
    assert np.ptp(found[1]) == pytest.approx(width, abs=4)
    assert "문항표식3" in "".join(texts(path)).replace("\r\n", "")


def test_pictures_and_what_pdfium_cannot_write_again_come_as_pictures(
    tenant: Tenant, tmp_path: Path
) -> None:
    shaded = uploaded(tenant, exam(tmp_path / "a.pdf", shaded=True))
    picture = uploaded(tenant, photo(tmp_path / "p.png"))
    questions = [
        {"upload": str(shaded.pk), "bbox": bbox(1)},
        {"upload": str(picture.pk), "bbox": [100, 100, 700, 500]},
    ]
    job = made(tenant, questions)
    assert result_of(job)["as_picture"] == 2
    assert job.result is not None
    assert job.result["warnings"] == [{"code": "notes_picture_instead", "params": {"count": 1}}]
    ink = dark(file_of(job, tmp_path))
    assert ink.mean() > 0.05


def test_a_page_that_cannot_be_taken_apart_hides_no_text_in_the_booklet(
    tenant: Tenant, tmp_path: Path
) -> None:
    whole = uploaded(tenant, exam(tmp_path / "a.pdf", one_form=True))
    job = made(tenant, [{"upload": str(whole.pk), "bbox": bbox(2)}])
    assert result_of(job)["as_picture"] == 1
    path = file_of(job, tmp_path)
    assert "문항표식" not in "".join(texts(path))
    assert dark(path).mean() > 0.001


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"%PDF-1.7\n" + b"\xff" * 4000, "document_unreadable"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 4000, "document_unreadable"),
        ("a.png", b"not a picture", "document_unreadable"),
    ],
)
def test_a_hostile_file_is_refused_and_the_next_job_runs(
    tenant: Tenant, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    job = made(tenant, [{"upload": str(uploaded(tenant, path).pk)}])
    assert (job.state, job.error_code) == (JobState.FAILED, code)
    good = uploaded(tenant, exam(tmp_path / "good.pdf"))
    assert result_of(made(tenant, [{"upload": str(good.pk)}]))["questions"] == 1


def test_a_picture_of_too_many_pixels_and_a_place_that_is_not_there_are_refused(
    tenant: Tenant, tmp_path: Path
) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    bomb = uploaded(tenant, tmp_path / "bomb.png")
    good = str(uploaded(tenant, exam(tmp_path / "a.pdf")).pk)
    codes = [
        made(tenant, [question]).error_code
        for question in (
            {"upload": str(bomb.pk)},
            {"upload": good, "page": 2},
            {"upload": good, "bbox": [0, 0, 1700, 300]},
        )
    ]
    assert codes == ["document_too_many_pixels", "notes_page_missing", "notes_box_outside"]


def test_another_academys_upload_is_not_found(tenant: Tenant, tmp_path: Path) -> None:
    other = uploaded(make_tenant(), exam(tmp_path / "a.pdf"))
    with pytest.raises(AppError) as refused:
        submitted(tenant, [{"upload": str(other.pk)}])
    assert refused.value.code == "upload_not_found"


def test_a_client_submits_it_and_the_plans_default_tier_runs_it(
    tenant: Tenant, tmp_path: Path
) -> None:
    upload = uploaded(tenant, exam(tmp_path / "a.pdf"))
    params = {"questions": [{"upload": str(upload.pk), "bbox": bbox(4)}]}
    body = {"kind": WRONG_NOTE.name, "params": params}
    answer = key_client(tenant).post("/api/v1/jobs", body, format="json")
    job = Job.unscoped.get(pk=answer.json()["id"])
    assert job.queue == "ai-lite"
    run(job)
    assert result_of(job)["as_text"] == 1
