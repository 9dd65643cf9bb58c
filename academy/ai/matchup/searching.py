"""`ai.matchup_search`: every question against the academy's own material, exactly.

Without the model the job fails and says so: no weaker search takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from academy.ai.matchup import indexing
from academy.ai.matchup.params import SearchParams
from academy.ai.matchup.results import HITS, REPORT
from academy.ai.matchup.telling import Hits, tell
from academy.ai.matchup.texts import ExamQuestion, questions_of
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.inference import text
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.problems import search
from academy.problems.models import EncoderModel, Problem
from academy.problems.search import Found, Vectors
from academy.problems.selectors import problems_by_id, problems_within, vectors_within

SCHEMA: Final = 1
ENGINE: Final = "e5-exact"
_READING, _ENCODING, _SEARCHING = (
    Step("reading", 0, 40), Step("encoding", 40, 70), Step("searching", 70, 80),
)  # fmt: skip
_AGAIN: Final = 3
"""Further searches of one job, where problems are deleted while it runs."""


def run(context: JobContext[SearchParams]) -> Done:
    """Search, and report. Raises AppError, PermanentError, TransientError."""
    params = context.params
    bench, envelope = Workbench(context, Bucket.AI), Envelope(SCHEMA, engine=ENGINE)
    encoder = text.encoder()
    model = indexing.model_row(envelope, encoder, premium=False)
    compared = _compared(context, envelope, model)
    questions = _questions(bench, envelope)
    readable = [one for one in questions if one.text]
    with envelope.timed("encode"):
        queries = _encode(bench, encoder, readable)
    bench.say(_SEARCHING, 0)
    with envelope.timed("search"):
        found = _hits(context, model, queries)
    hits = {one.place: near for one, near in zip(readable, found, strict=True)}
    with_hit = sum(bool(near) for near in found)
    context.log.info("%d of %d questions have a hit", with_hit, len(readable))
    result = {
        "questions": [_searched(one, hits.get(one.place, [])) for one in questions],
        "searched": len(readable),
        "with_hit": with_hit,
        "share": round(with_hit / len(readable), 4),
        "min_score": params.min_score,
        "compared": compared,
        "file": HITS,
        "report": REPORT if params.is_exam and params.report else None,
    }
    tell(bench, envelope, questions, hits, result)
    return Done(envelope.wrap(result), bench.artifacts)


def _compared(context: JobContext[SearchParams], envelope: Envelope, model: EncoderModel) -> int:
    """Problems that can be found. Raises PermanentError where there are none."""
    within = context.params.collections
    problems = problems_within(tenant=context.tenant_id, collections=within).count()
    present = vectors_within(tenant=context.tenant_id, model=model, collections=within).count()
    if not problems:
        raise PermanentError("matchup_nothing_to_search")
    if not present:
        raise PermanentError("matchup_not_indexed", problems=problems, model=model.name)
    if present < problems:
        envelope.review_required = True
        envelope.warn("matchup_partly_indexed", missing=problems - present)
    return present


def _questions(bench: Workbench, envelope: Envelope) -> list[ExamQuestion]:
    params: SearchParams = bench.context.params
    if params.job is not None:
        return questions_of(bench, envelope, params.job, _READING)
    if params.text is not None:
        return [ExamQuestion(1, "", None, params.text, "")]
    return [
        ExamQuestion(place, one.number or str(place), None, one.text, "")
        for place, one in enumerate(params.questions or [], start=1)
    ]


def _encode(bench: Workbench, encoder: text.Encoder, questions: Sequence[ExamQuestion]) -> Vectors:
    def tell(done: int) -> None:
        bench.context.raise_if_cancelled()
        bench.say(_ENCODING, done / len(questions))

    return encoder.encode([one.text for one in questions], role="query", on_batch=tell)


def _hits(context: JobContext[SearchParams], model: EncoderModel, queries: Vectors) -> list[Hits]:
    """The hits of every question, all of problems that there still are."""
    found, known = _look(context, model, queries)
    for _ in range(_AGAIN):
        if all(hit.problem in known for hits in found for hit in hits):
            break
        found, known = _look(context, model, queries)
    return [[(hit, known[hit.problem]) for hit in hits if hit.problem in known] for hits in found]


def _look(
    context: JobContext[SearchParams], model: EncoderModel, queries: Vectors
) -> tuple[list[list[Found]], dict[UUID, Problem]]:
    """What is near, and those of it that nobody has deleted meanwhile."""
    params = context.params
    context.raise_if_cancelled()
    found = search.search(
        context.tenant_id, model, queries, most=params.top_k, least=params.min_score,
        collections=params.collections,
    )  # fmt: skip
    ids = {hit.problem for hits in found for hit in hits}
    return found, problems_by_id(tenant=context.tenant_id, ids=ids)


def _searched(question: ExamQuestion, hits: Hits) -> dict[str, Any]:
    return {
        "number": question.number,
        "page": question.page,
        "readable": question.text != "",
        "hits": [
            {
                "problem": str(problem.pk),
                "collection": str(problem.collection_id),
                "number": problem.number,
                "score": hit.score,
            }
            for hit, problem in hits
        ],
    }
