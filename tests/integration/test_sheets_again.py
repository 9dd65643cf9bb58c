"""The review page has doubtful rows read again: for a price that was shown, and once."""

from __future__ import annotations

import pytest

from academy.ai.omr.kind import REVIEW_OFFER
from academy.ai.tiers import Tier
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.sheets.fields import ExamState
from academy.sheets.models import Exam
from academy.sheets.reading.results import Status
from academy.sheets.services import exam_edit, scan_settle
from academy.tenants.models import Tenant
from tests.support import answer_sheets as made
from tests.support.jobs import in_threads, make_tenant, run
from tests.support.rest import error_of
from tests.support.review import Teacher, exam, paper

LOW, MANY = Status.LOW_CONFIDENCE, Status.AMBIGUOUS
UNIT = REVIEW_OFFER.prices[Tier.PREMIUM]
AGAIN = "/review/again"


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def march(tenant: Tenant) -> Exam:
    """Two pages in doubt, three rows; and one of which nobody doubts a thing."""
    made_exam = exam(tenant)
    paper(made_exam, made.student(tenant, "1234"), doubtful={2: MANY, 5: LOW})
    paper(made_exam, made.student(tenant, "5678"), page=2, doubtful={6: LOW})
    paper(made_exam, made.student(tenant, "9999"))
    return made_exam


@pytest.mark.django_db
def test_the_price_is_shown_first_and_two_teachers_begin_one_job(
    tenant: Tenant, march: Exam
) -> None:
    kim, lee = Teacher(march, actor="kim"), Teacher(march, actor="lee")
    shown = kim.get(AGAIN).json()
    assert shown == {
        "offer": {
            "pages": 2, "rows": 3, "unit_price": UNIT, "price": 2 * UNIT, "currency": "KRW",
            "refusal": None,
        },
        "job": None,
    }  # fmt: skip
    assert not Job.objects.for_tenant(tenant).filter(kind="sheets.review").exists()
    begun = kim.post(AGAIN, pages=2).json()
    assert (begun["ended"], begun["percent"], begun["outcome"]) == (False, 0, None)
    assert lee.get(AGAIN).json()["job"]["job"] == begun["job"]
    assert lee.post(AGAIN, pages=2).json()["job"] == begun["job"]
    job = Job.objects.for_tenant(tenant).get(kind="sheets.review")
    assert (str(job.pk), job.queue, job.params["exam"]) == (
        begun["job"], "ai-premium", str(march.pk),
    )  # fmt: skip
    assert job.submitted_by.endswith("/kim")


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_begin_one_job(tenant: Tenant, march: Exam) -> None:
    teachers = [Teacher(march, actor=name) for name in ("kim", "lee", "han")]
    answers = in_threads(3, lambda n: teachers[n].post(AGAIN, pages=2).json())
    assert len({answer["job"] for answer in answers}) == 1
    assert Job.objects.for_tenant(tenant).filter(kind="sheets.review").count() == 1


@pytest.mark.django_db
def test_what_came_of_it_is_told_once_it_has_ended(tenant: Tenant, march: Exam) -> None:
    teacher = Teacher(march)
    job = Job.objects.for_tenant(tenant).get(pk=teacher.post(AGAIN, pages=2).json()["job"])
    for scan in march.scans.filter(needs_review=True):
        doubtful = [a["question"] for a in scan.reading["answers"] if a["status"] != "ok"]
        scan_settle(
            tenant=tenant, by="t", scan_id=scan.pk, answers={q: [1] for q in doubtful}
        )  # fmt: skip
    run(job)
    assert job.state == JobState.SUCCEEDED, (job.error_code, job.error_params)
    told = teacher.get(f"{AGAIN}/{job.pk}").json()
    assert (told["ended"], told["percent"], told["error"]) == (True, 100, None)
    assert told["outcome"] == {"rows": 0, "settled": 0, "left": 0}
    assert teacher.get(AGAIN).json() == {"offer": None, "job": None}
    error = error_of(teacher.post(AGAIN, pages=2), 409)
    assert error["code"] == "nothing_to_escalate"
    assert error["message"]["ko"]
    assert error["message"]["en"]


@pytest.mark.django_db
def test_nobody_pays_for_more_than_was_shown(tenant: Tenant, march: Exam) -> None:
    error = error_of(Teacher(march).post(AGAIN, pages=1), 409)
    assert (error["code"], error["details"]) == (
        "sheets_review_grown", {"pages": 2, "price": 2 * UNIT},
    )  # fmt: skip
    assert not Job.objects.for_tenant(tenant).filter(kind="sheets.review").exists()


@pytest.mark.django_db
def test_who_may_not_have_it_is_told_why() -> None:
    small = make_tenant(plan="start")
    exam_of_small = exam(small)
    paper(exam_of_small, made.student(small, "1234"), doubtful={1: LOW})
    teacher = Teacher(exam_of_small)
    refusal = teacher.get(AGAIN).json()["offer"]["refusal"]
    assert refusal["code"] == "tier_not_in_plan"
    assert "premium" in refusal["message"]["ko"]
    assert "premium" in refusal["message"]["en"]
    assert error_of(teacher.post(AGAIN, pages=1), 403)["code"] == "tier_not_in_plan"


@pytest.mark.django_db
def test_it_is_not_for_those_who_look_nor_for_closed_examinations(
    tenant: Tenant, march: Exam
) -> None:
    looking = Teacher(march, read_only=True)
    assert 'id="again"' not in looking.html
    assert error_of(looking.post(AGAIN, pages=2), 403)["code"] == "scope_missing"
    teacher = Teacher(march)
    assert 'id="again"' in teacher.html
    other = exam(tenant, title="4월")
    paper(other, made.student(tenant, "7777"), doubtful={1: LOW})
    foreign = Teacher(other).post(AGAIN, pages=1).json()["job"]
    assert error_of(teacher.get(f"{AGAIN}/{foreign}"), 404)["code"] == "job_not_found"
    exam_edit(tenant=tenant, by="t", exam_id=march.pk, state=ExamState.CLOSED)
    assert 'id="again"' not in Teacher(march).html
    assert error_of(teacher.post(AGAIN, pages=2), 409)["code"] == "exam_closed"
