"""The questions of a divided test, with their texts and their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from academy.ai.matchup.params import questions_in, segmentation_of
from academy.ai.ocr.data import language_data
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.errors import PermanentError
from academy.jobs.models import Job
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

_READER: Final = "academy.ai.matchup.file:read"
_RECOGNISER: Final = "academy.ai.matchup.file:recognise"
_LIMITS: Final = Limits(cpu_seconds=900, memory_bytes=4 << 30, file_bytes=1 << 26)
_TIMEOUT_SECONDS: Final = 1_500.0


@dataclass(frozen=True)
class ExamQuestion:
    """A question of the test; ``text`` is empty where it could not be read."""

    place: int
    """Among the questions, from 1."""
    number: str
    page: int | None
    text: str
    picture: str
    """Key of its picture; empty where it has none."""


def questions_of(
    bench: Workbench, envelope: Envelope, job_id: UUID, step: Step
) -> list[ExamQuestion]:
    """The questions that a job of the tenant found, with their texts.

    A question without a text layer is read from its picture, where the language data is there.
    Raises AppError and PermanentError: job_not_found, segmentation_unusable, upload_not_found,
    matchup_no_text, and what opening the document does.
    """
    job = segmentation_of(bench.context.tenant_id, job_id)
    found: list[dict[str, Any]] = questions_in(job)
    texts = _layer_texts(bench, envelope, job, found, step)
    questions = [
        ExamQuestion(place, str(one["n"]), one["page"], text, one["crop_key"])
        for place, (one, text) in enumerate(zip(found, texts, strict=True), start=1)
    ]
    read = _recognised(bench, envelope, [one for one in questions if not one.text], step)
    questions = [replace(one, text=read.get(one.place, one.text)) for one in questions]
    _warn(envelope, questions, sum(bool(text) for text in read.values()))
    return questions


def _layer_texts(
    bench: Workbench, envelope: Envelope, job: Job, found: list[dict[str, Any]], step: Step
) -> list[str]:
    with envelope.timed("fetch"):
        path = bench.fetch(UUID(job.params["upload"]))
    with envelope.timed("read"):
        texts: list[str] = bench.read(
            _READER,
            {"path": str(path), "questions": [one["parts"] for one in found]},
            reads=[path],
            step=Step(step.name, step.start, (step.start + step.end) / 2),
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    path.unlink()
    return texts


def _recognised(
    bench: Workbench, envelope: Envelope, unread: Sequence[ExamQuestion], step: Step
) -> dict[int, str]:
    """What can be read from the pictures, by the questions' places."""
    data = language_data()
    if not unread or data is None:
        return {}
    paths: list[Path | None] = []
    for one in unread:
        bench.context.raise_if_cancelled()
        path = bench.folder / f"crop-{one.place}.png"
        if one.picture:
            bench.objects.get_file(one.picture, path)
        paths.append(path if one.picture else None)
    with envelope.timed("recognise"):
        texts: list[str] = bench.read(
            _RECOGNISER,
            {"pictures": [None if path is None else str(path) for path in paths],
             "data": str(data)},
            reads=[data],
            step=Step(step.name, (step.start + step.end) / 2, step.end),
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )  # fmt: skip
    for made in filter(None, paths):
        made.unlink()
    return {one.place: text for one, text in zip(unread, texts, strict=True)}


def _warn(envelope: Envelope, questions: list[ExamQuestion], recognised: int) -> None:
    """Say what could not be read, and what may be read wrong. Raises PermanentError."""
    unread = [question.number for question in questions if not question.text]
    if len(unread) == len(questions):
        raise PermanentError("matchup_no_text")
    if unread:
        envelope.review_required = True
        envelope.warn("matchup_without_text", numbers=unread[:50])
    if recognised:
        envelope.warn("matchup_read_from_pictures", count=recognised)
