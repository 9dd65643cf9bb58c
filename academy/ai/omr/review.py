"""`sheets.review`: the doubtful rows of an examination, read again by the committee.

The first reading stays where it is. What the committee is certain of counts in its place; what it
is not, stays with a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from academy.ai.omr.cutting import Cutter
from academy.ai.omr.engine import committee
from academy.ai.omr.params import ReviewPagesParams, ReviewParams, RowsOfUpload, rows_wanted
from academy.core.errors import AppError
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope, ModelRef
from academy.documents.workbench import Workbench
from academy.inference import device
from academy.jobs.context import Child, Done, FanOut, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sheets.layout import Layout, pages_of
from academy.sheets.models import Exam, ReadPages, Scan
from academy.sheets.networks import active_network
from academy.sheets.reading.answers import answers_of, identifier_of
from academy.sheets.reading.results import GroupReading
from academy.sheets.scans import Rows

SCHEMA: Final = 1
ENGINE: Final = "academy.sheets.committee"
JOIN: Final = "join"
PAGES_KIND: Final = "sheets.review_pages"
PAGES_PER_CHILD: Final = 48


def run(context: JobContext[ReviewParams]) -> Done | FanOut:
    """Send out the doubtful rows; in the join, say what came of them."""
    if context.phase == JOIN:
        return _sum_up(context, [child.result for child in context.children()])
    try:
        wanted = rows_wanted(context.tenant_id, context.params)
    except AppError as error:
        raise PermanentError(error.code, **error.params) from error
    if not wanted:
        return _sum_up(context, [])
    context.log.info("%d pages to read again", len(wanted))
    return FanOut(list(_children(context, wanted)), then=JOIN, until_percent=99)


def _children(
    context: JobContext[ReviewParams], wanted: Sequence[tuple[Scan, Rows]]
) -> Iterator[Child]:
    for first in range(0, len(wanted), PAGES_PER_CHILD):
        some = wanted[first : first + PAGES_PER_CHILD]
        parts = [
            {
                "upload": str(upload),
                "pages": [
                    {"scan": str(scan.pk), "index": scan.index, **rows.to_json()}
                    for scan, rows in of_upload
                ],
            }
            for upload, of_upload in groupby(some, key=lambda one: one[0].upload_id)
        ]
        params = {"exam": str(context.params.exam), "parts": parts}
        yield Child(f"review-{first // PAGES_PER_CHILD + 1:04d}", PAGES_KIND, params)


def _sum_up(context: JobContext[ReviewParams], children: Sequence[dict[str, Any]]) -> Done:
    envelope = Envelope(SCHEMA, engine=ENGINE)
    parts = [child["result"] for child in children]
    for child in children:
        if child["device"] == "cuda":
            envelope.device = "cuda"
        envelope.model = ModelRef(**child["model"])
    counts = {name: sum(part[name] for part in parts) for name in ("pages", "rows", "settled")}
    if children:
        envelope.ran_on(envelope.device, premium=True)
    left = counts["rows"] - counts["settled"]
    envelope.review_required = left > 0
    return Done(envelope.wrap({"exam": str(context.params.exam), **counts, "left": left}))


def run_pages(context: JobContext[ReviewPagesParams]) -> Done:
    """Read some rows again; the scans learn of it in the transaction that ends the job."""
    bench = Workbench(context, Bucket.AI)
    exams = Exam.objects.for_tenant(context.tenant_id).select_related("design")
    exam = exams.filter(pk=context.params.exam).first()
    if exam is None:
        raise PermanentError("exam_not_found")
    envelope = Envelope(SCHEMA, engine=ENGINE)
    with envelope.timed("load"):
        heard = committee()
    envelope.model = ModelRef(**heard.identity)
    envelope.ran_on(device.current(), premium=True)
    cutter = Cutter(bench, envelope, active_network(context.tenant_id, context.scratch))
    pages: list[dict[str, Any]] = []
    counts = {"pages": 0, "rows": 0, "settled": 0}
    total = len(context.params.parts)
    for number, part in enumerate(context.params.parts):
        step = Step("reading", 100 * number / total, 100 * (number + 1) / total)
        for page in _read(cutter, exam.design.layout, part, step):
            counts["pages"] += 1
            counts["rows"] += page.pop("rows")
            counts["settled"] += page.pop("settled")
            pages.append(page)
    ReadPages.objects.for_tenant(context.tenant_id).create(
        job_id=context.job_id, attempt=context.attempt, pages=pages
    )
    envelope.review_required = counts["settled"] < counts["rows"]
    return Done(envelope.wrap(counts))


def _read(
    cutter: Cutter, layout: dict[str, Any], part: RowsOfUpload, step: Step
) -> Iterator[dict[str, Any]]:
    """What the committee says of each page of a file."""
    # Only here: it needs torch, which the tests of what needs none lack.
    from academy.sheets.network.verdict import verdicts  # noqa: PLC0415

    asked = [page.model_dump(mode="json", exclude={"scan"}) for page in part.pages]
    rows = cutter.cut(part.upload, layout, asked, step)
    with cutter.envelope.timed("read"):
        told = iter(verdicts(committee(), rows.groups, rows.planes, rows.scalars))
    scans = {page.index: page.scan for page in part.pages}
    sheet = Layout.model_validate(layout)
    for page in rows.pages:
        said = _said(sheet, page, [next(told) for _ in page["groups"]])
        yield {
            "scan": str(scans[page["index"]]),
            "rows": len(said["answers"]) + (said["identifier"] is not None),
            "settled": _certain(said),
            "review": {
                "engine": ENGINE, "model": committee().identity, "device": device.current(),
                **said,
            },
        }  # fmt: skip


def _said(layout: Layout, page: dict[str, Any], readings: list[GroupReading]) -> dict[str, Any]:
    """Readings of groups as answers, in the form of the first reading."""
    by_key = {reading.key: reading for reading in readings}
    groups = [g for g in pages_of(layout)[page["page"] - 1].groups if g.key in by_key]
    of_groups = [by_key[group.key] for group in groups]
    answers = answers_of(groups, of_groups)
    identifier = None
    if any(group.key.startswith("id.") for group in groups):
        known = identifier_of(groups, of_groups)
        identifier = {
            "digits": known.digits, "status": known.status.value, "confidence": known.confidence,
        }  # fmt: skip
    return {
        "answers": [
            {
                "question": answer.question, "values": list(answer.values),
                "status": answer.status.value, "confidence": answer.confidence,
            }
            for answer in answers
        ],
        "identifier": identifier,
    }  # fmt: skip


def _certain(said: dict[str, Any]) -> int:
    """Rows that need no person any more."""
    sure = sum(answer["status"] in {"ok", "blank", "multi"} for answer in said["answers"])
    identifier = said["identifier"]
    return sure + (identifier is not None and identifier["status"] == "ok")
