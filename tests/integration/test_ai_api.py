"""What AI kinds cost and run on: shown, estimated, and refused where a plan lacks a tier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from academy.ai.tiers import Offer, Tier, Unit
from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.tenants.models import Tenant
from tests.support import documents
from tests.support.jobs import make_tenant, run
from tests.support.openapi import Document
from tests.support.rest import error_of, key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]
OFFER = Offer(
    kind="ai.made_up", unit=Unit.ITEM, prices={Tier.BASIC: 10, Tier.PREMIUM: 50},
    default=Tier.BASIC,
)  # fmt: skip


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(plan="start")


def asked(tenant: Tenant, method: str, path: str, body: Any = None) -> Any:
    sent = {} if body is None else {"data": body, "format": "json"}
    answer = getattr(key_client(tenant), method)(f"/api/v1/ai/{path}", **sent)
    Document().check_answer(
        method, f"/api/v1/ai/{path}", answer.status_code, "application/json", answer.json()
    )
    return answer


@pytest.mark.parametrize(
    ("plan", "wish", "outcome"),
    [
        ("start", None, "ai-basic"),
        ("start", Tier.BASIC, "ai-basic"),
        ("start", Tier.PREMIUM, "tier_not_in_plan"),
        ("start", Tier.LITE, "tier_not_offered"),
        ("grow", None, "ai-basic"),
        ("grow", Tier.PREMIUM, "ai-premium"),
        ("grow", Tier.LITE, "tier_not_offered"),
    ],
)
def test_a_wish_is_met_or_refused_and_never_replaced(
    plan: str, wish: Tier | None, outcome: str
) -> None:
    try:
        found = OFFER.tier_for(make_tenant(plan=plan), wish).queue
    except AppError as refused:
        found = refused.code
    assert found == outcome


def test_the_kinds_are_shown_with_tiers_prices_and_limits(tenant: Tenant) -> None:
    items = {one["name"]: one for one in asked(tenant, "get", "kinds").json()["items"]}
    ocr = items["ai.ocr_text"]
    assert ocr["tiers"] == [{"tier": "lite", "unit_price": 5, "included": True}]
    assert (ocr["default_tier"], ocr["limits"]["pages"]) == ("lite", 300)
    assert items["ai.question_segmentation"]["default_tier"] == "basic"


def test_an_estimate_knows_one_picture_and_says_per_page_for_a_pdf(
    tenant: Tenant, tmp_path: Path
) -> None:
    for path, units in (
        (documents.picture(tmp_path / "a.png", "글"), 1),
        (documents.pdf(tmp_path / "a.pdf", documents.written("글")), None),
    ):
        upload = documents.uploaded(tenant, path)
        order = {"kind": "ai.ocr_text", "params": {"upload": str(upload.pk)}}
        body = asked(tenant, "post", "estimate", order).json()
        assert (body["tier"], body["unit_price"], body["units"]) == ("lite", 5, units)
        assert body["price"] == (None if units is None else 5 * units)


def test_an_estimate_is_refused_for_what_the_submission_would_be(tenant: Tenant) -> None:
    unknown = asked(tenant, "post", "estimate", {"kind": "video.transcode"})
    assert error_of(unknown, 404)["code"] == "ai_kind_unknown"
    missing = asked(tenant, "post", "estimate", {"kind": "ai.ocr_text", "params": {}})
    assert error_of(missing, 400)["code"] == "params_invalid"


def test_a_test_is_divided_into_stored_pictures(tenant: Tenant, tmp_path: Path) -> None:
    lines = [line for n in (1, 2, 3) for line in (f"{n}. 다음 중 옳은 것은?", "둘째 줄입니다")]
    upload = documents.uploaded(
        tenant, documents.pdf(tmp_path / "a.pdf", documents.written(*lines))
    )
    order = Order("ai.question_segmentation", {"upload": str(upload.pk)})
    job: Job = job_submit(by=Submitter(tenant, "test"), order=order)
    run(job)
    assert (job.state, job.queue) == (JobState.SUCCEEDED, "ai-basic")
    assert job.result["result"]["count"] == 3
    names = [item["name"] for item in job.artifacts]
    assert names == [*(f"question-{n:04}.png" for n in (1, 2, 3)), "page-0001.jpg"]
