"""Problem variants through jobs: proved, repeatable, and refused where a template is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from academy.ai.variants import handler
from academy.ai.variants.kind import VARIANTS
from academy.ai.variants.library import shipped
from academy.ai.variants.results import VariantsResult
from academy.core.storage import Bucket, store
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.sandbox.isolation import Limits
from academy.tenants.models import Tenant
from tests.support.jobs import make_tenant, run
from tests.support.rest import error_of, key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def custom(**changes: Any) -> dict[str, Any]:
    """A template of a client: a number is squared."""
    return {
        "title": "제곱",
        "parameters": {"a": {"low": 2, "high": 30}},
        "body": "{a}의 제곱을 구하시오.",
        "answer": {"kind": "integer", "formulas": ["a**2"]},
        "distractors": [["2*a"], ["a**2 + 1"], ["a**2 - 1"], ["a**3"], ["a**2 + a"]],
        "proof": {"by": "stepping", "start": "0", "step": "t + a", "times": "a"},
    } | changes


def ended(tenant: Tenant, **params: Any) -> Job:
    order = Order(VARIANTS.name, params)
    job = jobs_submit(by=Submitter(tenant, "test"), orders=[order])[0]
    run(job)
    return job


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    VariantsResult.model_validate(job.result)
    result: dict[str, Any] = job.result["result"]
    return result


def test_every_shipped_template_gives_proved_problems_and_a_worksheet(
    tenant: Tenant, tmp_path: Path
) -> None:
    problems = [{"template": name, "count": 3} for name in shipped()]
    job = ended(tenant, problems=problems, worksheet=True, title="3월 모의 문제", seed=7)
    result = result_of(job)
    assert result["seed"] == 7
    assert result["verified"] == len(result["items"]) == 3 * len(shipped())
    assert all("unproved" not in one["lost"] for one in result["templates"])
    (artifact,) = job.artifacts
    path = tmp_path / artifact["name"]
    store(Bucket.AI).get_file(artifact["key"], path)
    with pypdfium2.PdfDocument(path) as document:
        text = "".join(page.get_textpage().get_text_bounded() for page in document)
    assert "3월 모의 문제" in text
    assert text.count("첫째항이") >= 6


def test_without_a_seed_another_attempt_gives_the_same_problems(tenant: Tenant) -> None:
    job = ended(tenant, problems=[{"template": "factoring", "count": 4}])
    result = result_of(job)
    again = ended(tenant, problems=[{"template": "factoring", "count": 4}], seed=result["seed"])
    assert result_of(again)["items"] == result["items"]
    other = ended(tenant, problems=[{"template": "factoring", "count": 4}])
    assert result_of(other)["items"] != result["items"]


@pytest.mark.parametrize(
    ("changes", "choices", "code"),
    [
        ({"constraints": ["a > 100"]}, 5, "variants_impossible"),
        ({"answer": {"kind": "integer", "formulas": ["a**2 + 1"]}}, 0, "variants_unproved"),
        ({"distractors": [["2*a"], ["a + a"], ["a*2"]]}, 5, "variants_choices"),
    ],
)
def test_a_template_that_cannot_be_right_is_refused_by_name(
    tenant: Tenant, changes: dict[str, Any], choices: int, code: str
) -> None:
    job = ended(tenant, problems=[{"definition": custom(**changes)}], choices=choices)
    assert (job.state, job.error_code) == (JobState.FAILED, code)
    assert job.error_params["template"] == "custom-1"


def test_fewer_problems_than_asked_are_given_with_a_warning(tenant: Tenant) -> None:
    few = custom(parameters={"a": {"low": 2, "high": 4}}, constraints=["a != 3"])
    job = ended(tenant, problems=[{"definition": few, "count": 5}], choices=0)
    assert len(result_of(job)["items"]) == 2
    assert job.result is not None
    assert job.result["warnings"] == [
        {"code": "variants_fewer", "params": {"template": "custom-1", "made": 2, "asked": 5}}
    ]


def test_a_formula_that_never_ends_ends_its_child_and_the_worker_goes_on(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "_LIMITS", Limits(cpu_seconds=3, memory_bytes=1 << 30))
    rest = "".join(f"*(x + y + z + {n})**12" for n in range(2, 6))
    # Equal at every point that is tried, and too large to be expanded.
    answer, asked = f"(x + y + z + 1)**12{rest}", f"(2*x + 2*y + 2*z + 2)**12/4096{rest}"
    hostile = custom(
        unknowns=["x", "y", "z"],
        answer={"kind": "expression", "formulas": [answer]},
        proof={"by": "identity", "expression": asked, "unknowns": ["x", "y", "z"]},
    )
    job = ended(tenant, problems=[{"definition": hostile}], choices=0)
    assert (job.state, job.error_code) == (JobState.FAILED, "variants_too_heavy")
    assert result_of(ended(tenant, problems=[{"definition": custom()}]))["verified"] == 5


def test_a_client_submits_it_and_is_told_what_a_template_may_not_hold(tenant: Tenant) -> None:
    client = key_client(tenant)

    def submit(definition: dict[str, Any]) -> Any:
        body = {"kind": VARIANTS.name, "params": {"problems": [{"definition": definition}]}}
        return client.post("/api/v1/jobs", body, format="json")

    answer = submit(custom())
    assert answer.status_code in {201, 202}, answer.content
    job = Job.unscoped.get(pk=answer.json()["id"])
    assert job.queue == "ai-basic"
    run(job)
    assert result_of(job)["verified"] == 5
    refused = error_of(submit(custom(constraints=["__import__('os').system('id') == 0"])), 400)
    assert refused["code"] == "params_invalid"
