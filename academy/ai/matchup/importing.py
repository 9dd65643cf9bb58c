"""`ai.problem_import`: the questions of a divided test become problems of a collection.

Each is added once, however often the job runs; its picture is announced before it is stored, so
that none is left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from academy.ai.matchup.params import ImportParams
from academy.ai.matchup.texts import ExamQuestion, questions_of
from academy.core.crash import crash_point
from academy.core.ids import new_id
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step
from academy.problems import pictures
from academy.problems.models import Problem
from academy.problems.services import NewProblem, problems_add

SCHEMA: Final = 1
BATCH: Final = 50
_READING, _ADDING = Step("reading", 0, 60), Step("adding", 60, 100)
_PNG: Final = "image/png"


def run(context: JobContext[ImportParams]) -> Done:
    """Read the texts, copy the pictures, add. Raises AppError, PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="text-layer")
    questions = questions_of(bench, envelope, params.job, _READING)
    known = set(
        Problem.objects.for_tenant(context.tenant_id)
        .filter(collection=params.collection, source_job=params.job)
        .values_list("source_place", flat=True)
    )
    left = [one for one in questions if one.text and one.place not in known]
    added = 0
    with envelope.timed("add"):
        for start in range(0, len(left), BATCH):
            context.raise_if_cancelled()
            added += _add(bench, left[start : start + BATCH])
            bench.say(_ADDING, min(1.0, (start + BATCH) / len(left)))
    context.log.info("%d problems added, %d known", added, len(known))
    return Done(
        envelope.wrap(
            {
                "collection": str(params.collection),
                "questions": len(questions),
                "added": added,
                "known": len(known),
                "without_text": [one.number for one in questions if not one.text],
            }
        )
    )


def _add(bench: Workbench, questions: Sequence[ExamQuestion]) -> int:
    context, params = bench.context, bench.context.params
    new = []
    for one in questions:
        problem = new_id()
        key = pictures.picture_key(context.tenant_id, problem) if one.picture else ""
        new.append(
            NewProblem(
                id=problem, text=one.text, number=one.number, page=one.page, tags=params.tags,
                picture=key, source_job=params.job, source_place=one.place,
            )
        )  # fmt: skip
    pictures.announce(context.tenant_id, [one.picture for one in new if one.picture])
    for question, made in zip(questions, new, strict=True):
        if made.picture:
            _copy(bench, question.picture, made.picture)
    crash_point("problems.import")
    return len(
        problems_add(tenant=context.tenant_id, collection_id=params.collection, problems=new)
    )


def _copy(bench: Workbench, source: str, target: str) -> None:
    path: Path = bench.folder / "picture.png"
    bench.objects.get_file(source, path)
    bench.objects.put_file(target, path, _PNG)
    path.unlink()
