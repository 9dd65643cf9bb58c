"""`sheets.pages`: some pages, read in a confined child: their pictures, and whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from academy.core.crash import crash_point
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope, ModelRef
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits
from academy.sheets.models import Exam, ReadPages
from academy.sheets.networks import active_network
from academy.sheets.params import PageRange, PagesParams
from academy.sheets.scans import identified, roster_of

SCHEMA: Final = 1
_READER: Final = "academy.sheets.reading.file:read"
_LIMITS: Final = Limits(cpu_seconds=600, memory_bytes=4 << 30, file_bytes=1 << 29)
_JPEG: Final = "image/jpeg"


def run(context: JobContext[PagesParams]) -> Done:
    """Read the pages; they become scans in the transaction that ends the job."""
    params = context.params
    exams = Exam.objects.for_tenant(context.tenant_id).select_related("design")
    exam = exams.filter(pk=params.exam).first()
    if exam is None:
        raise PermanentError("exam_not_found")
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="academy.sheets.reader")
    network = active_network(context.tenant_id, context.scratch)
    total = sum(part.last - part.first + 1 for part in params.parts)
    pages: list[dict[str, Any]] = []
    for number, part in enumerate(params.parts, start=1):
        share = 100 / total
        step = Step(
            "reading", len(pages) * share, (len(pages) + part.last - part.first + 1) * share
        )
        for reading in _read(bench, envelope, exam, (part, network), step):
            _keep_pictures(bench, reading, f"{number:02d}-")
            pages.append({"upload": str(part.upload), "reading": reading})
    roster = roster_of(exam)
    for page in pages:
        page.update(identified(roster, page["reading"]))
    ReadPages.objects.for_tenant(context.tenant_id).create(
        job_id=context.job_id, attempt=context.attempt, pages=pages
    )
    crash_point("sheets.read")
    unreadable = sum(page["reading"]["error"] is not None for page in pages)
    envelope.review_required = unreadable > 0
    return Done(envelope.wrap({"pages": len(pages), "unreadable": unreadable}), bench.artifacts)


def _read(
    bench: Workbench,
    envelope: Envelope,
    exam: Exam,
    what: tuple[PageRange, Path],
    step: Step,
) -> list[dict[str, Any]]:
    part, network = what
    with envelope.timed("fetch"):
        path = bench.fetch(part.upload)
    with envelope.timed("read"):
        found: dict[str, Any] = bench.read(
            _READER,
            {
                "file": str(path),
                "layouts": [exam.design.layout],
                "first": part.first,
                "last": part.last,
                "network": str(network),
            },
            reads=[path, network, network.with_suffix(".json")],
            step=step,
            limits=_LIMITS,
            timeout_seconds=900,
        )
    path.unlink()
    if found["model"] is not None:
        envelope.model = ModelRef(**found["model"])
    pages: list[dict[str, Any]] = found["pages"]
    return pages


def _keep_pictures(bench: Workbench, reading: dict[str, Any], before: str) -> None:
    """Store the overlay and the crops, and name them in the reading as they are stored."""
    named = [(reading, "overlay"), *((answer, "crop") for answer in reading["answers"])]
    if reading["identifier"] is not None:
        named.append((reading["identifier"], "crop"))
    for owner, field in named:
        if owner[field] is not None:
            path: Path = bench.folder / owner[field]
            owner[field] = before + path.name
            bench.put(owner[field], path, _JPEG)
            path.unlink()
