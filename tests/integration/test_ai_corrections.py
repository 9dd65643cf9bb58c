"""Corrected questions over REST: optimistic, checked, cut anew, and used by what comes after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rest_framework.test import APIClient

from academy.ai.corrections.models import Correction
from academy.ai.corrections.params import RecutResult
from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from tests.support.documents import pdf, uploaded, written
from tests.support.jobs import make_tenant, run
from tests.support.rest import error_of, key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
LINES = [f"{n}. 다음 중 옳은 것을 고르시오." for n in (1, 2, 3)]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(plan="start")


@pytest.fixture
def divided(tenant: Tenant, tmp_path: Path) -> Job:
    upload = uploaded(tenant, pdf(tmp_path / "a.pdf", written(*LINES)))
    order = Order("ai.question_segmentation", {"upload": str(upload.pk)})
    job = job_submit(by=Submitter(tenant, "test"), order=order)
    run(job)
    assert job.state == JobState.SUCCEEDED, job.error_code
    return job


@pytest.fixture
def api(tenant: Tenant) -> APIClient:
    return key_client(tenant)


def address(job: Job, path: str = "") -> str:
    return f"/api/v1/ai/questions/{job.pk}{path}"


def put(api: APIClient, job: Job, revision: int, *questions: dict[str, Any]) -> Any:
    body = {"revision": revision, "questions": list(questions)}
    return api.put(address(job), body, format="json")


def question(n: int, *bbox: int, page: int = 1, last: int | None = None) -> dict[str, Any]:
    return {"n": n, "last": last, "parts": [{"page": page, "bbox": list(bbox)}]}


def recut(job: Job) -> Job:
    correction = Correction.objects.for_tenant(job.tenant_id).get(job=job)
    assert correction.cut_job is not None
    run(correction.cut_job)
    return correction.cut_job


def test_questions_are_those_that_were_found_until_they_are_corrected(
    api: APIClient, divided: Job, tmp_path: Path
) -> None:
    found = api.get(address(divided)).json()
    assert (found["revision"], found["corrected_at"]) == (0, None)
    assert [one["n"] for one in found["questions"]] == [1, 2, 3]
    assert all(one["crop_url"] for one in found["questions"])
    saved = put(api, divided, 0, question(7, 100, 200, 300, 260), question(8, 10, 300, 500, 700))
    assert saved.status_code == 200, saved.content
    assert saved.json()["revision"] == 1
    assert {one["crop_url"] for one in saved.json()["questions"]} == {None}
    cut = recut(divided)
    assert cut.state == JobState.SUCCEEDED, (cut.error_code, cut.error_params)
    RecutResult.model_validate(cut.result)
    now = api.get(address(divided)).json()
    assert [one["n"] for one in now["questions"]] == [7, 8]
    assert all(one["crop_url"] for one in now["questions"])
    store(Bucket.AI).get_file(cut.artifacts[0]["key"], tmp_path / "crop.png")
    with Image.open(tmp_path / "crop.png") as crop:
        assert crop.size == (200, 60 + 6)
    divided.refresh_from_db()
    assert [one["n"] for one in divided.result["result"]["questions"]] == [1, 2, 3]


def test_whoever_is_slower_is_told_and_loses_nothing(api: APIClient, divided: Job) -> None:
    assert put(api, divided, 0, question(1, 10, 10, 90, 90)).status_code == 200
    error = error_of(put(api, divided, 0, question(2, 10, 10, 90, 90)), 409)
    assert (error["code"], error["details"]["revision"]) == ("questions_changed", 1)
    assert put(api, divided, 1, question(2, 10, 10, 90, 90)).json()["revision"] == 2


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (question(1, 10, 10, 9_000, 90), "invalid_request"),
        (question(1, 10, 10, 3_000, 90), "questions_box_outside"),
        (question(1, 10, 10, 12, 90), "questions_box_outside"),
        (question(1, 90, 10, 10, 90), "questions_box_outside"),
        (question(1, 10, 10, 90, 90, page=2), "questions_box_outside"),
        (question(5, 10, 10, 90, 90, last=4), "questions_group_invalid"),
        (question(0, 10, 10, 90, 90), "invalid_request"),
        ({**question(1, 10, 10, 90, 90), "x": 1}, "invalid_request"),
        ({"n": 1, "last": None, "parts": []}, "invalid_request"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(
    api: APIClient, divided: Job, wrong: dict[str, Any], code: str
) -> None:
    answer = put(api, divided, 0, question(1, 10, 10, 90, 90), wrong)
    assert answer.status_code in {400, 422}, answer.content
    if code.startswith("questions_"):
        assert answer.json()["error"]["code"] == code
    assert not Correction.objects.for_tenant(divided.tenant_id).exists()


def test_only_one_s_own_divided_tests_can_be_corrected(
    api: APIClient, tenant: Tenant, divided: Job, tmp_path: Path
) -> None:
    stranger = key_client(make_tenant())
    assert stranger.get(address(divided)).status_code == 404
    assert stranger.post(address(divided, "/correction-link"), {}, format="json").status_code == 404
    upload = uploaded(tenant, pdf(tmp_path / "b.pdf", written(*LINES)))
    other = job_submit(
        by=Submitter(tenant, "test"), order=Order("ai.ocr_text", {"upload": str(upload.pk)})
    )
    assert api.get(address(other)).json()["error"]["code"] == "questions_of_no_test"
    reader = key_client(tenant, "jobs:read")
    assert put(reader, divided, 0, question(1, 10, 10, 90, 90)).status_code == 403


def test_the_link_opens_the_page_without_an_account(api: APIClient, divided: Job) -> None:
    made = api.post(address(divided, "/correction-link"), {"actor": "t-7"}, format="json").json()
    browser = APIClient()
    path = made["url"].split("://", 1)[1].split("/", 1)[1]
    opened = browser.get(f"/{path}")
    assert opened.status_code == 303
    page = browser.get(opened.headers["Location"])
    assert page.status_code == 200
    assert b"corrections/questions" in page.content
    boxes = browser.get(f"/desk/questions/{divided.pk}/boxes").json()
    assert boxes["pages"][0]["url"].startswith("http")
    assert len(boxes["questions"]) == 3
    assert APIClient().get(f"/desk/questions/{divided.pk}/boxes").status_code == 403
