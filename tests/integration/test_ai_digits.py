"""`ai.short_answer_digits` from the submission to the values, over one page and over many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from academy.ai.digits import handler
from academy.ai.digits.results import DigitsResult
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.jobs.cancel import job_cancel
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from tests.support import documents, short_answers
from tests.support.jobs import make_tenant, run
from tests.support.rest import key_client
from tests.support.short_answers import SCRIBBLE, fractions_of, sheet

pytest.importorskip("torch", reason="the network needs torch, which this host lacks")

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
KIND = "ai.short_answer_digits"
ANSWERS = ("12", "-3", "0.5", "408", "", SCRIBBLE, "77", "9", "15")


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def read(tenant: Tenant, path: Path, **params: Any) -> Job:
    order = Order(KIND, {"upload": str(documents.uploaded(tenant, path).pk), **params})
    job = job_submit(by=Submitter(tenant, "test"), order=order)
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    DigitsResult.model_validate(job.result)
    return job.result


def check(boxes: list[dict[str, Any]], answers: tuple[str, ...]) -> None:
    """What is certain is right, most is certain, and what is no number is doubtful or blank."""
    for box, answer in zip(boxes, answers, strict=True):
        if answer == "":
            assert box["status"] == "blank", box
        elif answer == SCRIBBLE:
            assert box["status"] == "ambiguous", box
        elif box["status"] == "ok":
            assert box["value"] == answer, box
    wanted = [answer for answer in answers if answer not in {"", SCRIBBLE}]
    assert sum(box["status"] == "ok" for box in boxes) >= 0.7 * len(wanted)


def test_a_client_has_stated_boxes_read_and_judged_by_a_key(tenant: Tenant, tmp_path: Path) -> None:
    upload = documents.uploaded(tenant, short_answers.png(tmp_path / "a.png", sheet(ANSWERS)))
    key = [["12"], ["3", "-3"], ["1/2"], ["480"], ["1"], ["2"], ["77"], ["9"], ["15"]]
    params = {"upload": str(upload.pk), "boxes": fractions_of(len(ANSWERS)), "key": key}
    answer = key_client(tenant).post(
        "/api/v1/jobs", {"kind": KIND, "params": params}, format="json"
    )
    job = Job.unscoped.get(pk=answer.json()["id"])
    assert job.queue == "ai-premium"
    run(job)
    result = result_of(job)
    assert (result["device"], result["review_required"]) == ("cpu", True)
    assert "premium_on_cpu" in {warning["code"] for warning in result["warnings"]}
    assert len(result["model"]["sha256"]) == 64
    boxes = result["result"]["boxes"]
    check(boxes, ANSWERS)
    expected = (True, True, True, False, False, None, True, True, True)
    for box, right in zip(boxes, expected, strict=True):
        assert box["right"] is (right if box["status"] in {"ok", "blank"} else None), box
    assert result["result"]["right"] == sum(box["right"] is True for box in boxes)
    names = {one["name"] for one in job.artifacts}
    assert {"boxes.json", "overlay-0001.jpg", *(box["crop"] for box in boxes)} == names
    for box in boxes:
        left, top, right_edge, bottom = box["bbox"]
        for digit in box["digits"]:
            assert left <= digit["bbox"][0] < digit["bbox"][2] <= right_edge
            assert top <= digit["bbox"][1] < digit["bbox"][3] <= bottom


@pytest.mark.parametrize("turned", [0.0, 2.5])
def test_printed_boxes_are_found_on_a_page_that_lies_askew(
    tenant: Tenant, tmp_path: Path, turned: float
) -> None:
    page = sheet(ANSWERS, seed=2, turned=turned)
    job = read(tenant, short_answers.png(tmp_path / "a.png", page), answers=9)
    result = result_of(job)
    assert [box["n"] for box in result["result"]["boxes"]] == list(range(1, 10))
    assert "digits_boxes_unexpected" not in {one["code"] for one in result["warnings"]}
    check(result["result"]["boxes"], ANSWERS)


def test_another_number_of_boxes_than_expected_goes_to_a_person(
    tenant: Tenant, tmp_path: Path
) -> None:
    page = sheet(("12", "34", "56"), seed=3)
    result = result_of(read(tenant, short_answers.png(tmp_path / "a.png", page), answers=4))
    assert result["review_required"]
    assert {"code": "digits_boxes_unexpected", "params": {"pages": [1]}} in result["warnings"]


def test_cells_hold_one_digit_each(tenant: Tenant, tmp_path: Path) -> None:
    answers = ("402", "17", "935")
    page = sheet(answers, seed=4, cells=4)
    rows, columns = short_answers.PAGE
    tall, wide = short_answers.BOX
    boxes = [
        {"x": x / columns, "y": y / rows, "w": wide / columns, "h": tall / rows, "cells": 4}
        for x, y in map(short_answers.place, range(3))
    ]
    result = result_of(read(tenant, short_answers.png(tmp_path / "a.png", page), boxes=boxes))
    check(result["result"]["boxes"], answers)


def test_many_sheets_are_read_by_ranges_and_joined_in_order(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PART_PAGES", 2)
    monkeypatch.setattr(handler, "INLINE_BOXES", 2)
    answers = [(str(10 + n), str(700 + n)) for n in range(3)]
    pages = [sheet(one, seed=10 + n) for n, one in enumerate(answers)]
    job = read(
        tenant, short_answers.pdf(tmp_path / "a.pdf", pages), boxes=fractions_of(2), sheet_pages=1,
        key=[["10", "11"], ["700"]],
    )  # fmt: skip
    assert job.state == JobState.WAITING
    children = list(Job.objects.for_tenant(tenant).filter(parent=job).order_by("child_key"))
    assert [child.child_key for child in children] == ["0001", "0003"]
    for child in children:
        assert child.queue == "ai-premium"
        run(child)
    run(job)
    result = result_of(job)["result"]
    assert (result["boxes"], result["count"], len(result["pages"])) == (None, 6, 3)
    (listed,) = [one for one in job.artifacts if one["name"] == "boxes.json"]
    store(Bucket.AI).get_file(listed["key"], tmp_path / "boxes.json")
    boxes = json.loads((tmp_path / "boxes.json").read_text(encoding="utf-8"))["boxes"]
    assert [(box["sheet"], box["page"], box["n"]) for box in boxes] == [
        (n, n, m) for n in (1, 2, 3) for m in (1, 2)
    ]
    for box in boxes:
        if box["status"] == "ok":
            assert box["value"] == answers[box["sheet"] - 1][box["n"] - 1]
    assert all(one["key"].startswith(job.output_prefix) for one in job.artifacts)
    assert sum(one["name"].endswith(".jpg") for one in job.artifacts) == 9


def test_cancelling_many_sheets_ends_their_ranges(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PART_PAGES", 1)
    pages = [sheet(("1",), seed=20), sheet(("2",), seed=21)]
    job = read(tenant, short_answers.pdf(tmp_path / "a.pdf", pages))
    job_cancel(tenant=tenant, job_id=job.pk)
    states = Job.objects.for_tenant(tenant).filter(parent=job).values_list("state", flat=True)
    assert set(states) == {JobState.CANCELLED}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "digits_boxes_missing"),
        ({"first_page": 2}, "document_page_missing"),
        ({"boxes": [{"page": 2, "x": 0.1, "y": 0.1, "w": 0.2, "h": 0.1}]}, "digits_page_missing"),
        ({"boxes": [{"x": 0.1, "y": 0.1, "w": 0.001, "h": 0.001}]}, "digits_box_too_small"),
    ],
)
def test_boxes_that_are_not_there_are_refused(
    tenant: Tenant, tmp_path: Path, params: dict[str, Any], code: str
) -> None:
    job = read(tenant, documents.picture(tmp_path / "a.png", "No boxes on this page."), **params)
    assert (job.state, job.error_code) == (JobState.FAILED, code)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
        ("a.pdf", b"%PDF-1.7\n" + b"\xff" * 4000),
        ("a.png", b"no picture"),
    ],
)
def test_a_hostile_file_is_refused_for_good(
    tenant: Tenant, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    job = read(tenant, path)
    assert (job.state, job.error_code) == (JobState.FAILED, "document_unreadable")


def test_a_plan_without_the_premium_tier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError) as refused:
        read(make_tenant(plan="start"), short_answers.png(tmp_path / "a.png", sheet(("1",))))
    assert refused.value.code == "tier_not_in_plan"


def test_another_academys_sheet_does_not_exist(tenant: Tenant, tmp_path: Path) -> None:
    foreign = documents.uploaded(make_tenant(), documents.picture(tmp_path / "a.png", "x"))
    order = Order(KIND, {"upload": str(foreign.pk)})
    with pytest.raises(AppError) as refused:
        job_submit(by=Submitter(tenant, "test"), order=order)
    assert refused.value.code == "upload_not_found"
