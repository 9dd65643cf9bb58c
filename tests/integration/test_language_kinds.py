"""Explanations and new problems through jobs: what a lying model says is never handed on."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from academy.ai.language.explanations.kind import EXPLANATIONS
from academy.ai.language.explanations.results import ExplanationsResult
from academy.ai.language.generation import handler
from academy.ai.language.generation.kind import GENERATION
from academy.ai.language.generation.results import GenerationResult
from academy.ai.language.models import Call
from academy.ai.language.money import shown
from academy.jobs import admission
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, job_submit
from academy.settings.language import LanguageEnvironment
from academy.tenants.models import Tenant
from tests.support.jobs import let_wait_pass, make_tenant, run
from tests.support.language_double import Asked, LanguageDouble, Plan, serving
from tests.support.openapi import Document
from tests.support.rest import error_of, key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

SUM = {"body": "1/4 + 1/2를 계산하시오.", "answer": "3/4"}
CHOICE = {
    "body": "x + 2 = 5일 때 x의 값은?",
    "choices": ["1", "2", "3", "4", "5"],
    "answer": "3",
}


@pytest.fixture
def double(settings: Any) -> Iterator[LanguageDouble]:
    with serving(LanguageDouble()) as found:
        settings.LANGUAGE = found.language()
        yield found


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(plan="start")


@pytest.fixture
def off(settings: Any) -> None:
    """Whatever the environment of the tests says."""
    settings.LANGUAGE = LanguageEnvironment(None, None, "KRW", Decimal(0), Decimal(0))


def ended(tenant: Tenant, kind: str, **params: Any) -> Job:
    job = job_submit(by=Submitter(tenant, "test"), order=Order(kind, params))
    assert job.queue == "ai-basic"
    run(job)
    return job


def result_of(job: Job, schema: Any) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    schema.model_validate(job.result)
    result: dict[str, Any] = job.result["result"]
    return result


def solved(answer: str, choice: int | None = None, *steps: str) -> Plan:
    return Plan({"steps": list(steps or ("통분합니다.",)), "answer": answer, "choice": choice})


# ---------------------------------------------------------------------------- explanations


def test_a_question_is_explained_and_its_answer_was_not_in_the_prompt(double, tenant):
    double.answers(solved("0.75", None, "통분하면 1/4 + 2/4입니다.", "더하면 3/4입니다."))
    job = ended(tenant, EXPLANATIONS.name, questions=[SUM], level="초5")
    result = result_of(job, ExplanationsResult)
    (item,) = result["items"]
    assert (item["state"], item["answer"], item["tries"]) == ("explained", "0.75", 1)
    assert item["steps"] == ["통분하면 1/4 + 2/4입니다.", "더하면 3/4입니다."]
    assert not job.result["review_required"]
    assert job.result["engine"] == "double-1-2026"
    asked = double.asked[0].text
    assert SUM["body"] in asked
    assert "초5" in asked
    assert "3/4" not in asked.replace("수는 3/4", "")
    spent = result["spent"]
    assert (spent["calls"], spent["tokens_read"], spent["amount"]) == (1, 120, "0.00052")


def test_an_answer_may_be_written_in_another_way_and_is_the_same_in_value(double, tenant):
    double.answers(solved("x = 2√3"))
    root = {"body": "x**2 = 12의 양의 근은?", "answer": "sqrt(12)"}
    result_of(ended(tenant, EXPLANATIONS.name, questions=[root], tries=1), ExplanationsResult)


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        (solved("3", 3), True),
        (solved("3번", 3), False),
        (solved("3.", 3), True),
        (solved("5", 3), False),
        (solved("3", 5), False),
        (solved("3", None), False),
    ],
)
def test_of_choices_the_number_and_the_text_both_are_the_given_answer(
    double, tenant, said: Plan, explained: bool
):
    double.answers(said)
    job = ended(tenant, EXPLANATIONS.name, questions=[CHOICE], tries=1)
    assert (job.state == JobState.SUCCEEDED) is explained, job.error_code


def test_a_model_that_comes_to_another_answer_is_asked_again_and_then_withheld(double, tenant):
    def answering(asked: Asked) -> Plan:
        return solved("3", 3) if CHOICE["body"] in asked.text else solved("5/8")

    double.answers(answering)
    job = ended(tenant, EXPLANATIONS.name, questions=[CHOICE, SUM], tries=3)
    result = result_of(job, ExplanationsResult)
    assert (result["explained"], result["withheld"]) == (1, 1)
    wrong = result["items"][1]
    assert (wrong["state"], wrong["steps"], wrong["answer"]) == ("withheld", [], None)
    assert (wrong["tries"], wrong["other_answers"]) == (3, ["5/8"])
    assert job.result["review_required"]
    assert job.result["warnings"] == [{"code": "explanations_withheld", "params": {"count": 1}}]
    assert len(double.asked) == 4


def test_where_nothing_can_be_explained_the_job_says_so(double, tenant):
    double.answers(solved("5/8"))
    job = ended(tenant, EXPLANATIONS.name, questions=[SUM])
    assert (job.state, job.error_code) == (JobState.FAILED, "explanations_refused")
    assert job.result is None


@pytest.mark.parametrize(
    "lie",
    [
        Plan('{"steps": ["통분'),
        Plan({"steps": ["통분합니다."], "answer": "3/4"}),
        Plan({"steps": [], "answer": "3/4", "choice": None}),
        Plan({"steps": ["통분합니다."], "answer": "3/4", "choice": None, "score": 1}),
        Plan({"steps": ["\u202e통분"], "answer": "3/4", "choice": None}),
        Plan({"steps": ["가" * 5000], "answer": "3/4", "choice": None}),
        Plan({"steps": "통분합니다.", "answer": "3/4", "choice": None}),
        Plan(body=b"<html>sorry</html>", headers={"Content-Type": "text/html"}),
    ],
)
def test_a_reply_of_another_form_is_asked_for_again_and_paid(double, tenant, lie: Plan):
    double.answers(lie, solved("3/4"))
    result = result_of(ended(tenant, EXPLANATIONS.name, questions=[SUM]), ExplanationsResult)
    assert (result["items"][0]["tries"], result["spent"]["calls"]) == (2, 2)
    double.answers(lie)
    job = ended(tenant, EXPLANATIONS.name, questions=[SUM])
    assert (job.state, job.error_code) == (JobState.FAILED, "language_reply_invalid")


def test_replies_that_cannot_be_used_spoil_no_other_question(double, tenant):
    double.answers(lambda asked: solved("3", 3) if CHOICE["body"] in asked.text else Plan("sorry"))
    job = ended(tenant, EXPLANATIONS.name, questions=[SUM, CHOICE])
    first, second = result_of(job, ExplanationsResult)["items"]
    assert (first["state"], first["other_answers"], second["state"]) == (
        "withheld", [], "explained",
    )  # fmt: skip
    assert job.result["review_required"]


def test_what_was_paid_for_is_not_asked_again_after_a_failure(double, tenant):
    double.answers(solved("3/4"), Plan(status=500), solved("3", 3))
    job = ended(tenant, EXPLANATIONS.name, questions=[SUM, CHOICE])
    assert job.state == JobState.RETRY_WAIT
    let_wait_pass(job)
    admission.promote_retries()
    run(job)
    result = result_of(job, ExplanationsResult)
    assert result["explained"] == 2
    purposes = [call.purpose for call in Call.objects.for_tenant(tenant).order_by("created_at")]
    assert purposes == ["question-1", "question-2", "question-2"]


# ---------------------------------------------------------------------------- generation


def problem(body: str, answer: int = 3, choices: Any = None, check: Any = None) -> dict[str, Any]:
    return {
        "body": body,
        "choices": choices or ["10", "11", "12", "13", "14"],
        "answer": answer,
        "check": check,
    }


def works(asked: str, *equations: str) -> dict[str, Any]:
    unknowns = ["x"] if equations else []
    return {"equations": list(equations), "unknowns": unknowns, "asked": asked}


def made(*items: Any) -> Plan:
    return Plan({"items": list(items)})


PROVED = problem("5와 7의 합은?", check=works("5 + 7"))
SOLVED = problem("3x - 6 = 30의 해는?", check=works("x", "3*x - 6 == 30"))
UNPROVED = problem("다음 중 합성수가 아닌 것을 포함하지 않는 묶음의 합은?")


def test_problems_are_kept_whose_answers_come_out_again(double, tenant):
    double.answers(made(PROVED, SOLVED))
    job = ended(tenant, GENERATION.name, topic="일차방정식", level="중1", count=2)
    result = result_of(job, GenerationResult)
    assert (result["made"], result["proved"], result["dropped"]) == (2, 2, {})
    first = result["items"][0]
    assert (first["body"], first["choices"][first["answer"] - 1]) == ("5와 7의 합은?", "12")
    assert not job.result["review_required"]


def test_what_a_model_claims_wrongly_is_dropped_and_said(double, tenant):
    lies = [
        problem("5와 8의 합은?", check=works("5 + 8")),
        problem("4x = 60의 해는?", check=works("x", "4*x == 60")),
        problem("6의 두 배는?", check=works("6 * y")),
        problem("8의 두 배는?", check=works("__import__('os')*8")),
        problem("보기가 같은 문제", choices=["1", "2", "2", "3", "4"]),
        problem("값이 같은 보기", choices=["1/2", "0.5", "12", "3", "4"]),
        problem("보기가 모자란 문제", choices=["1", "2", "12"]),
        problem("답이 없는 문제", answer=6),
        {"body": "형식이 다른 문제"},
        "문제가 아님",
        PROVED,
    ]
    double.answers(made(PROVED, *lies), made(*lies), made(UNPROVED), made())
    job = ended(tenant, GENERATION.name, topic="덧셈", level="초3", count=6)
    result = result_of(job, GenerationResult)
    assert (result["asked"], result["made"], result["proved"]) == (6, 2, 1)
    assert result["dropped"] == {
        "wrong": 8, "choices": 6, "ambiguous": 2, "form": 4, "again": 1,
    }  # fmt: skip
    assert [warning["code"] for warning in job.result["warnings"]] == [
        "generation_fewer", "generation_unproved",
    ]  # fmt: skip
    assert job.result["review_required"]
    assert PROVED["body"] in double.asked[1].text, "it is told what is there already"


def test_a_calculation_that_is_not_of_the_problem_proves_nothing(double, tenant):
    double.answers(
        made(
            problem("다음 중 가장 큰 것은?", check=works("12")),
            problem("사과 4개와 배 9개는 모두 몇 개인가?", check=works("6 + 6")),
            PROVED,
        )
    )
    params = {"topic": "덧셈", "level": "초3"}
    result = result_of(ended(tenant, GENERATION.name, count=3, **params), GenerationResult)
    assert [item["proved"] for item in result["items"]] == [False, False, True]


def test_only_proved_problems_are_kept_where_nothing_else_is_wanted(double, tenant):
    double.answers(made(UNPROVED, SOLVED))
    params = {"topic": "방정식", "level": "중1", "count": 1, "proved_only": True}
    result = result_of(ended(tenant, GENERATION.name, **params), GenerationResult)
    assert (result["made"], result["proved"], result["dropped"]) == (1, 1, {"unproved": 1})


def test_formulas_that_take_for_ever_spoil_only_their_own_problem(double, tenant, monkeypatch):
    proved = handler._proved

    def too_heavy(bench: Any, items: list[dict[str, Any]]) -> list[str] | None:
        return None if any("99" in str(item["check"]) for item in items) else proved(bench, items)

    monkeypatch.setattr(handler, "_proved", too_heavy)
    heavy = problem("99 이하의 곱은?", check=works("99 * 99"))
    double.answers(made(PROVED, heavy), made())
    job = ended(tenant, GENERATION.name, topic="다항식", level="고1", count=2)
    result = result_of(job, GenerationResult)
    assert (result["made"], result["dropped"]) == (1, {"wrong": 1})


def test_where_nothing_stands_the_checks_nothing_is_made_up(double, tenant, monkeypatch):
    monkeypatch.setattr(handler, "SPARE_ROUNDS", 0)
    double.answers(made(problem("5와 8의 합은?", check=works("5 + 8"))))
    job = ended(tenant, GENERATION.name, topic="덧셈", level="초3", count=1)
    assert (job.state, job.error_code) == (JobState.FAILED, "generation_refused")
    assert job.error_params == {"dropped": 1}
    double.answers(Plan("sorry"))
    job = ended(tenant, GENERATION.name, topic="덧셈", level="초3", count=1)
    assert (job.state, job.error_code) == (JobState.FAILED, "language_reply_invalid")


# ---------------------------------------------------------------------------- over REST


def test_what_is_off_is_refused_when_it_is_submitted(off, tenant):
    orders = {
        EXPLANATIONS.name: {"questions": [SUM]},
        GENERATION.name: {"topic": "덧셈", "level": "초3"},
    }
    for kind, params in orders.items():
        answer = key_client(tenant).post("/api/v1/jobs", {"kind": kind, "params": params})
        error = error_of(answer, 503)
        assert (error["code"], error["details"]["model"]) == (
            "model_not_configured", "LLM_BASE_URL",
        )  # fmt: skip
    assert not Job.unscoped.filter(tenant=tenant).exists()


def test_a_wrong_question_is_refused_by_the_name_of_its_field(double, tenant):
    wrong = {**CHOICE, "answer": "7"}
    body = {"kind": EXPLANATIONS.name, "params": {"questions": [wrong]}}
    error = error_of(key_client(tenant).post("/api/v1/jobs", body), 400)
    assert error["code"] == "params_invalid"
    assert error["details"]["fields"][0]["field"] == "questions.0"


def test_a_budget_that_is_spent_refuses_the_next_job_at_once(double, tenant, settings):
    double.answers(solved("3/4"))
    assert ended(tenant, EXPLANATIONS.name, questions=[SUM]).state == JobState.SUCCEEDED
    Call.objects.for_tenant(tenant).update(cost_micro=1000 * 10**6)
    body = {"kind": EXPLANATIONS.name, "params": {"questions": [SUM]}}
    error = error_of(key_client(tenant).post("/api/v1/jobs", body), 402)
    assert (error["code"], error["details"]["left"]) == ("language_budget_spent", "0")


def used(tenant: Tenant, *scopes: str) -> Any:
    answer = key_client(tenant, *scopes).get("/api/v1/ai/usage")
    if answer.status_code == 200:
        Document().check_answer("get", "/api/v1/ai/usage", 200, "application/json", answer.json())
    return answer


def test_an_academy_sees_what_it_spent_and_no_other_academys(double, tenant):
    double.answers(solved("3/4"), Plan(status=500), Plan(fault="drop"))
    for _ in range(3):
        ended(tenant, EXPLANATIONS.name, questions=[SUM])
    (lost,) = Call.objects.for_tenant(tenant).filter(state="lost")
    body = used(tenant).json()
    (model,) = body.pop("models")
    spent = 520 + lost.cost_micro
    assert (body["currency"], body["budget"], body["spent"]) == ("KRW", "1000", shown(spent))
    assert body["unsettled"] == shown(lost.cost_micro)
    assert body["left"] == shown(1000 * 10**6 - spent)
    assert body["begins_at"] < body["ends_at"]
    assert model == {
        "service": "chat", "model": "double-1", "calls": 2, "lost": 1, "tokens_read": 120,
        "tokens_written": 200, "seconds": 0.0, "amount": shown(spent),
    }  # fmt: skip
    other = used(make_tenant()).json()
    assert (other["spent"], other["models"]) == ("0", [])
    assert error_of(used(tenant, "jobs:read"), 403)["code"] == "scope_missing"


def test_where_nothing_is_configured_nothing_is_spent(off, tenant):
    body = used(tenant).json()
    assert (body["budget"], body["spent"], body["left"], body["models"]) == ("0", "0", "0", [])
