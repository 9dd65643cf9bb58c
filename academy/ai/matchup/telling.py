"""What a search leaves behind: all texts as JSON, and the report of an examination."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from academy.ai.matchup.results import HITS, REPORT
from academy.ai.matchup.texts import ExamQuestion
from academy.core.storage import StorageError
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.steps import Step
from academy.problems.models import Problem
from academy.problems.search import Found
from academy.sandbox.isolation import Limits

SHOWN: Final = 3
"""Hits of a question in the report; the first with its picture."""
_MAKER: Final = "academy.ai.matchup.report:make"
_FETCHING, _REPORTING = Step("fetching", 80, 90), Step("reporting", 90, 100)
_LIMITS: Final = Limits(cpu_seconds=300, memory_bytes=2 << 30, file_bytes=1 << 28)
_TIMEOUT_SECONDS: Final = 600.0
_SUMMARY: Final = ("searched", "with_hit", "share", "min_score", "compared")

Hits: TypeAlias = list[tuple[Found, Problem]]
"""The hits of one question, the nearest first."""


def tell(
    bench: Workbench,
    envelope: Envelope,
    questions: Sequence[ExamQuestion],
    hits: Mapping[int, Hits],
    result: Mapping[str, Any],
) -> None:
    """Store the artifacts that the result names; ``hits`` by the questions' places."""
    told = [_told(one, hits.get(one.place, [])) for one in questions]
    summary = {key: result[key] for key in _SUMMARY}
    path = bench.folder / HITS
    path.write_text(
        json.dumps({**summary, "questions": told}, ensure_ascii=False), encoding="utf-8"
    )
    bench.put(HITS, path, "application/json")
    if result["report"] is None:
        return
    with envelope.timed("report"):
        request = {
            "title": bench.context.params.title,
            "summary": summary,
            "questions": _with_pictures(bench, questions, hits, told),
        }
        bench.read(
            _MAKER, request, reads=[], step=_REPORTING, limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )  # fmt: skip
        bench.put(REPORT, bench.folder / REPORT, "application/pdf")


def _told(question: ExamQuestion, hits: Hits) -> dict[str, Any]:
    return {
        "number": question.number,
        "page": question.page,
        "text": question.text,
        "hits": [
            {
                "problem": str(problem.pk),
                "collection": str(problem.collection_id),
                "title": problem.collection.title,
                "number": problem.number,
                "page": problem.page,
                "text": problem.text,
                "score": hit.score,
            }
            for hit, problem in hits
        ],
    }


def _with_pictures(
    bench: Workbench,
    questions: Sequence[ExamQuestion],
    hits: Mapping[int, Hits],
    told: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """What the report shows: with the pictures of each question and of its best hit."""
    shown = []
    for at, (question, text_of) in enumerate(zip(questions, told, strict=True)):
        bench.context.raise_if_cancelled()
        best = [problem.picture for _, problem in hits.get(question.place, [])[:1]]
        shown.append(
            {
                **text_of,
                "hits": text_of["hits"][:SHOWN],
                "picture": _fetched(bench, question.picture, f"question-{question.place}.png"),
                "best": _fetched(bench, "".join(best), f"hit-{question.place}.png"),
            }
        )
        bench.say(_FETCHING, (at + 1) / len(questions))
    return shown


def _fetched(bench: Workbench, key: str, name: str) -> str | None:
    """Where the picture lies now; None where there is none, or none any more."""
    if not key:
        return None
    path = bench.folder / name
    try:
        bench.objects.get_file(key, path)
    except StorageError as error:
        if error.code != "object_missing":
            raise
        return None
    return str(path)
