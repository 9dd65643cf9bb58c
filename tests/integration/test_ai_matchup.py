"""Match-up through jobs: taken over, indexed with one model, searched exactly, told honestly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from reportlab.pdfgen.canvas import Canvas

from academy.ai.matchup import file, indexing, searching
from academy.ai.matchup.params import MIN_SCORE
from academy.ai.matchup.results import (
    HITS,
    REPORT,
    ImportResult,
    IndexResult,
    MatchUpResult,
)
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import Bucket, store
from academy.inference import device, registry
from academy.jobs.models import Job
from academy.jobs.states import JobState
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.problems import pictures, services
from academy.problems.models import Collection, LoosePicture, Problem, ProblemVector
from academy.tenants.models import Tenant
from academy.uploads.models import Upload
from tests.support.documents import pdf, uploaded
from tests.support.jobs import drain, let_lease_expire, make_tenant, run
from tests.support.models import needs_encoder
from tests.support.problems import added, collection, directions, indexed, model
from tests.support.rest import error_of, key_client

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

BOOK = [
    "어떤 일을 형은 6일, 동생은 12일 만에 끝낸다. 함께 하면 며칠이 걸리는가?",
    "농도가 8%인 소금물 300g에 물을 더 넣어 6%로 만들려면 물은 몇 g 필요한가?",
    "임진왜란의 결과로 나타난 사회 변화를 두 가지 고르시오.",
    "질량이 2kg인 물체에 10N의 힘이 작용할 때 가속도를 구하시오.",
]
EXAM = [
    ("혼자서 일을 마치는 데 형은 6일, 동생은 12일이 필요하다.", "둘이 힘을 합치면 며칠 걸리는가?"),
    ("Choose the best title of the passage about honey bees.", "빈칸은 한 개이다."),
    ("8% 소금물 300g에 물을 부어 6%로 묽게 하려 한다.", "몇 g의 물을 부어야 하는가?"),
]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def book(tenant: Tenant) -> Collection:
    own = collection(tenant, "개념 교재")
    added(tenant, own, BOOK)
    return own


def submitted(tenant: Tenant, kind: str, **params: Any) -> Job:
    order = Order(kind, params)
    return jobs_submit(by=Submitter(tenant, "test"), orders=[order])[0]


def ended(tenant: Tenant, kind: str, **params: Any) -> Job:
    job = submitted(tenant, kind, **params)
    drain("ai-lite", "ai-basic", "ai-premium")
    job.refresh_from_db()
    return job


def result_of(job: Job, schema: type[Any] = MatchUpResult) -> dict[str, Any]:
    assert job.state == JobState.SUCCEEDED, (job.state, job.error_code, job.error_params)
    schema.model_validate(job.result)
    result: dict[str, Any] = job.result["result"]
    return result


def fetched(job: Job, name: str, tmp_path: Path) -> Path:
    (artifact,) = (one for one in job.artifacts if one["name"] == name)
    store(Bucket.AI).get_file(artifact["key"], tmp_path / name)
    return tmp_path / name


def test_paper(path: Path) -> Path:
    """Three questions with a figure each, the second without any that the book has."""

    def draw(canvas: Canvas) -> None:
        for number, lines in enumerate(EXAM, start=1):
            top = 800 - 150 * number
            canvas.drawString(50, top + 120, f"{number}. {lines[0]}")
            canvas.drawString(62, top + 100, lines[1])
            canvas.rect(62, top + 40, 60, 40)

    return pdf(path, draw)


test_paper.__test__ = False  # type: ignore[attr-defined]


def segmented(tenant: Tenant, tmp_path: Path) -> Job:
    upload: Upload = uploaded(tenant, test_paper(tmp_path / "exam.pdf"))
    job = ended(tenant, "ai.question_segmentation", upload=str(upload.pk))
    assert job.state == JobState.SUCCEEDED, (job.error_code, job.error_params)
    return job


class TestImport:
    def test_questions_of_a_divided_test_become_problems_with_texts_and_pictures_once(
        self, tenant: Tenant, tmp_path: Path
    ) -> None:
        source, own = segmented(tenant, tmp_path), collection(tenant)
        params = {"collection": str(own.pk), "job": str(source.pk), "tags": ["중간고사"]}
        result = result_of(ended(tenant, "ai.problem_import", **params), ImportResult)
        assert (result["added"], result["known"], result["without_text"]) == (3, 0, [])
        problems = Problem.objects.for_tenant(tenant).order_by("source_place")
        assert [problem.text for problem in problems] == [" ".join(lines) for lines in EXAM]
        assert [(one.number, one.page, one.tags) for one in problems] == [
            (str(number), 1, ["중간고사"]) for number in (1, 2, 3)
        ]
        for problem in problems:
            assert store(Bucket.AI).read(problem.picture, 0, 4) == b"\x89PNG"
        assert not LoosePicture.objects.for_tenant(tenant).exists()
        again = result_of(ended(tenant, "ai.problem_import", **params), ImportResult)
        assert (again["added"], again["known"]) == (0, 3)
        services.collection_delete(tenant=tenant, collection_id=own.pk)
        assert pictures.sweep() == 3

    def test_an_attempt_that_dies_before_it_adds_leaves_pictures_that_are_swept(
        self, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source, own = segmented(tenant, tmp_path), collection(tenant)
        job = submitted(tenant, "ai.problem_import", collection=str(own.pk), job=str(source.pk))

        class Died(BaseException):
            pass

        def die(name: str) -> None:
            raise Died(name)

        with monkeypatch.context() as dying:
            dying.setattr("academy.ai.matchup.importing.crash_point", die)
            with pytest.raises(Died):
                run(job)
        assert LoosePicture.objects.for_tenant(tenant).count() == 3
        let_lease_expire(job)
        run(job)
        result_of(job, ImportResult)
        kept = set(Problem.objects.for_tenant(tenant).values_list("picture", flat=True))
        loose = set(LoosePicture.objects.for_tenant(tenant).values_list("key", flat=True))
        assert (len(kept), len(loose), kept & loose) == (3, 3, set())

    def test_only_an_own_segmentation_that_succeeded_can_be_taken(self, tenant: Tenant) -> None:
        own = collection(tenant)
        for job, code in (
            (str(new_id()), "job_not_found"),
            (str(submitted(tenant, "ai.embedding_index").pk), "segmentation_unusable"),
            (str(submitted(make_tenant(), "ai.embedding_index").pk), "job_not_found"),
        ):
            for kind, more in (
                ("ai.problem_import", {"collection": str(own.pk)}),
                ("ai.matchup_search", {}),
            ):
                with pytest.raises(AppError, match=code):
                    submitted(tenant, kind, job=job, **more)

    @pytest.mark.parametrize(
        ("lines", "text"),
        [
            (["12. 값을 구하시오."], "값을 구하시오."),
            (["[3] 값은?", "  둘째   줄 "], "값은? 둘째 줄"),
            (["7번 다음 글"], "다음 글"),
            (["2026년에 있었던 일"], "2026년에 있었던 일"),
            ([], ""),
        ],
    )
    def test_the_printed_number_is_no_part_of_a_text(self, lines: list[str], text: str) -> None:
        assert file.cleaned(lines) == text


class TestIndex:
    pytestmark = needs_encoder

    def test_every_problem_is_encoded_once_with_the_model_and_its_hash(
        self, tenant: Tenant, book: Collection
    ) -> None:
        job = ended(tenant, "ai.embedding_index")
        result = result_of(job, IndexResult)
        assert {name: result[name] for name in ("problems", "rows", "encoded", "dimension")} == {
            "problems": 4, "rows": 4, "encoded": 4, "dimension": 384,
        }  # fmt: skip
        used = job.result["model"]
        assert used == dict(registry.identity(registry.default("text")))
        assert job.result["device"] == device.current()
        warned = [warning["code"] for warning in job.result["warnings"]]
        assert warned == (["premium_on_cpu"] if device.current() == "cpu" else [])
        for vector in ProblemVector.objects.for_tenant(tenant).select_related("model"):
            assert (vector.model.name, vector.model.sha256) == (used["name"], used["sha256"])
            assert len(bytes(vector.vector)) == 768
        added(tenant, book, ["새 문제"])
        again = result_of(ended(tenant, "ai.embedding_index"), IndexResult)
        assert (again["rows"], again["encoded"]) == (5, 1)

    def test_many_problems_are_encoded_by_parts_and_a_part_that_dies_goes_on(
        self, tenant: Tenant, book: Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(indexing, "PART", 3)
        monkeypatch.setattr(indexing, "BATCH", 2)
        other = collection(tenant)
        added(tenant, other, [f"다른 문제 {n}" for n in range(4)])
        job = submitted(tenant, "ai.embedding_index", collection=str(book.pk))
        run(job)
        parts = list(Job.unscoped.filter(parent=job).order_by("child_key"))
        assert (job.state, len(parts)) == (JobState.WAITING, 2)

        class Died(BaseException):
            pass

        def die(name: str) -> None:
            raise Died(name)

        with monkeypatch.context() as dying:
            dying.setattr(indexing, "crash_point", die)
            with pytest.raises(Died):
                run(parts[0])
        assert ProblemVector.objects.for_tenant(tenant).count() == 2
        let_lease_expire(parts[0])
        run(parts[0])
        assert parts[0].result is not None
        assert parts[0].result["result"] == {"encoded": 1}
        drain("ai-premium")
        job.refresh_from_db()
        result = result_of(job, IndexResult)
        assert (result["problems"], result["rows"], result["encoded"]) == (4, 4, 2)
        encoded = ProblemVector.objects.for_tenant(tenant).values_list("collection_id", flat=True)
        assert set(encoded) == {book.pk}

    def test_vectors_of_a_model_that_was_replaced_are_deleted_and_never_compared(
        self, tenant: Tenant, book: Collection
    ) -> None:
        old = model("old")
        problems = list(Problem.objects.for_tenant(tenant))
        indexed(tenant, old, problems, directions(4, seed=1))
        job = ended(tenant, "ai.matchup_search", text=BOOK[0])
        assert (job.state, job.error_code) == (JobState.FAILED, "matchup_not_indexed")
        result = result_of(ended(tenant, "ai.embedding_index"), IndexResult)
        assert (result["encoded"], result["superseded"]) == (4, 4)
        assert not ProblemVector.objects.for_tenant(tenant).filter(model=old).exists()
        job = ended(tenant, "ai.matchup_search", text=BOOK[0])
        assert result_of(job)["questions"][0]["hits"][0]["score"] > MIN_SCORE
        # It is sold without a GPU: it says on what it ran, and warns of nothing.
        assert (job.result["device"], job.result["warnings"]) == (device.current(), [])
        assert job.result["model"] == dict(registry.identity(registry.default("text")))


class TestSearch:
    pytestmark = needs_encoder

    @pytest.fixture
    def ready(self, tenant: Tenant, book: Collection) -> Collection:
        result_of(ended(tenant, "ai.embedding_index"), IndexResult)
        return book

    def test_a_question_finds_its_problem_and_one_that_the_book_lacks_has_no_hit(
        self, tenant: Tenant, ready: Collection
    ) -> None:
        job = ended(tenant, "ai.matchup_search", text=" ".join(EXAM[0]), top_k=1)
        result = result_of(job)
        (hit,) = result["questions"][0]["hits"]
        problem = Problem.objects.for_tenant(tenant).get(pk=hit["problem"])
        assert (problem.text, hit["collection"], hit["number"]) == (BOOK[0], str(ready.pk), "1")
        assert (result["with_hit"], result["share"], result["compared"]) == (1, 1.0, 4)
        assert [one["name"] for one in job.artifacts] == [HITS]
        assert (result["report"], job.queue) == (None, "ai-basic")
        nothing = result_of(ended(tenant, "ai.matchup_search", text=" ".join(EXAM[1])))
        assert nothing["questions"][0]["hits"] == []
        assert (nothing["with_hit"], nothing["share"]) == (0, 0.0)

    def test_an_examination_becomes_a_report_with_its_questions_beside_their_hits(
        self, tenant: Tenant, ready: Collection, tmp_path: Path
    ) -> None:
        source = segmented(tenant, tmp_path)
        own = collection(tenant, "작년 기출")
        imported = ended(tenant, "ai.problem_import", collection=str(own.pk), job=str(source.pk))
        result_of(imported, ImportResult)
        result_of(ended(tenant, "ai.embedding_index", collection=str(own.pk)), IndexResult)
        job = ended(tenant, "ai.matchup_search", job=str(source.pk), title="보기고 중간고사")
        result = result_of(job)
        assert (result["searched"], result["with_hit"], result["report"]) == (3, 3, REPORT)
        told = json.loads(fetched(job, HITS, tmp_path).read_text(encoding="utf-8"))
        assert [one["text"] for one in told["questions"]] == [" ".join(lines) for lines in EXAM]
        assert told["questions"][0]["hits"][0]["title"] == "작년 기출"
        with pypdfium2.PdfDocument(fetched(job, REPORT, tmp_path)) as document:
            shown = "".join(page.get_textpage().get_text_bounded() for page in document)
            pictured = sum(
                len(list(page.get_objects([pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]))) for page in document
            )
        assert pictured == 6
        for said in ("보기고 중간고사", "3 / 3 (100%)", "문항 1", "작년 기출 1번", "개념 교재 2번"):
            assert said in shown
        only = result_of(
            ended(tenant, "ai.matchup_search", job=str(source.pk), collections=[str(ready.pk)])
        )
        assert [len(one["hits"]) > 0 for one in only["questions"]] == [True, False, True]
        assert only["share"] == pytest.approx(2 / 3, abs=1e-4)

    def test_what_is_not_indexed_yet_is_said_and_not_searched(
        self, tenant: Tenant, ready: Collection
    ) -> None:
        added(tenant, ready, ["새로 넣은 문제"])
        job = ended(tenant, "ai.matchup_search", questions=[{"text": "새로 넣은 문제"}])
        assert result_of(job)["compared"] == 4
        assert job.result is not None
        assert job.result["warnings"] == [
            {"code": "matchup_partly_indexed", "params": {"missing": 1}}
        ]
        assert job.result["review_required"]

    def test_a_problem_that_is_deleted_while_a_search_runs_is_no_hit(
        self, tenant: Tenant, ready: Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (first,) = Problem.objects.for_tenant(tenant).filter(text=BOOK[0])
        search = searching.search.search

        def then_deleted(*args: Any, **options: Any) -> Any:
            found = search(*args, **options)
            if Problem.objects.for_tenant(tenant).filter(pk=first.pk).exists():
                services.problem_delete(tenant=tenant, problem_id=first.pk)
            return found

        monkeypatch.setattr(searching.search, "search", then_deleted)
        result = result_of(ended(tenant, "ai.matchup_search", text=BOOK[0], min_score=0.0))
        hits = [hit["problem"] for hit in result["questions"][0]["hits"]]
        assert len(hits) == 3
        assert str(first.pk) not in hits

    def test_another_academys_material_is_never_searched(
        self, tenant: Tenant, ready: Collection
    ) -> None:
        stranger = make_tenant()
        with pytest.raises(AppError, match="collection_not_found"):
            submitted(stranger, "ai.matchup_search", text=BOOK[0], collections=[str(ready.pk)])
        with pytest.raises(AppError, match="collection_not_found"):
            submitted(stranger, "ai.embedding_index", collection=str(ready.pk))
        job = ended(stranger, "ai.matchup_search", text=BOOK[0])
        assert (job.state, job.error_code) == (JobState.FAILED, "matchup_nothing_to_search")
        own = collection(stranger)
        added(stranger, own, ["전혀 다른 이야기"])
        result_of(ended(stranger, "ai.embedding_index"), IndexResult)
        result_of(ended(tenant, "ai.matchup_search", text=BOOK[0]))
        found = result_of(ended(stranger, "ai.matchup_search", text=BOOK[0], min_score=0.0))
        assert [hit["collection"] for hit in found["questions"][0]["hits"]] == [str(own.pk)]


def test_without_the_model_a_search_is_refused_and_no_other_takes_its_place(
    tenant: Tenant, book: Collection, settings: Any
) -> None:
    settings.MODEL_REGISTRY = ""
    registry.forget()
    try:
        for kind, params in (
            ("ai.matchup_search", {"text": BOOK[0]}),
            ("ai.embedding_index", {"collection": str(book.pk)}),
        ):
            job = ended(tenant, kind, **params)
            assert (job.state, job.error_code) == (JobState.FAILED, "model_not_configured")
            assert job.artifacts == []
    finally:
        registry.forget()


def test_clients_are_told_the_price_and_refused_what_cannot_be(tenant: Tenant) -> None:
    client = key_client(tenant)

    def submit(**params: Any) -> Any:
        body = {"kind": "ai.matchup_search", "params": params}
        return client.post("/api/v1/jobs", body, format="json")

    asked = {"kind": "ai.matchup_search", "params": {"questions": [{"text": "하나"}] * 4}}
    told = client.post("/api/v1/ai/estimate", asked, format="json").json()
    assert (told["tier"], told["units"], told["price"]) == ("basic", 4, 12)
    for params in (
        {}, {"text": "가", "questions": [{"text": "나"}]}, {"text": ""}, {"text": "가\x00"},
        {"text": "가", "top_k": 11}, {"text": "가", "min_score": 1.5},
        {"questions": [{"text": "가"}] * 201}, {"text": "가", "collections": []},
    ):  # fmt: skip
        assert error_of(submit(**params), 400)["code"] in {"params_invalid", "malformed_request"}
    refused = error_of(submit(text="가", tier="premium"), 422)
    assert refused["code"] == "tier_not_offered"
    reader = key_client(tenant, "jobs:write", "jobs:read")
    body = {"kind": "ai.matchup_search", "params": {"text": "가"}}
    error_of(reader.post("/api/v1/jobs", body, format="json"), 403)
