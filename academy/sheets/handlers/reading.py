"""`sheets.read`: count the pages, have those read that no job has read before, and sum up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Child, Done, FanOut, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sheets.checks import REVIEW_KIND
from academy.sheets.models import Exam, Scan
from academy.sheets.params import ReadParams
from academy.sheets.scans import rows_left
from academy.sheets.selectors import scan_counts

SCHEMA: Final = 1
JOIN: Final = "join"
REVIEWED: Final = "reviewed"
REVIEW_KEY: Final = "review"
PAGES_KIND: Final = "sheets.pages"
PAGES_PER_CHILD: Final = 12
MAX_PAGES: Final = 3_000
_COUNTER: Final = "academy.sheets.reading.file:count_all"
_FETCHING, _COUNTING = Step("fetching", 0, 3), Step("counting", 3, 5)

Page = tuple[UUID, int]


def run(context: JobContext[ReadParams]) -> Done | FanOut:
    """Send out what is left to read; in the join, say what came of all of it."""
    if context.phase == REVIEWED:
        return _sum_up(context)
    if context.phase == JOIN:
        return _escalated(context)
    bench = Workbench(context, Bucket.AI)
    left = _left(context, _pages(bench))
    if not left:
        return _escalated(context)
    context.log.info("%d pages to read", len(left))
    return FanOut(list(_children(context.params.exam, left)), then=JOIN, until_percent=90)


def _pages(bench: Workbench) -> list[Page]:
    """Every page of every file. Raises PermanentError with the code a file is refused with."""
    uploads = bench.context.params.uploads
    files = {}
    for number, upload in enumerate(uploads):
        bench.say(_FETCHING, number / len(uploads))
        files[str(upload)] = str(bench.fetch(upload))
    paths = [Path(path) for path in files.values()]
    counts: dict[str, int] = bench.read(
        _COUNTER, {"files": files}, reads=paths, step=_COUNTING, timeout_seconds=300
    )
    total = sum(counts.values())
    if total > MAX_PAGES:
        raise PermanentError("sheet_job_too_many_pages", pages=total, limit=MAX_PAGES)
    return [(upload, page) for upload in uploads for page in range(1, counts[str(upload)] + 1)]


def _left(context: JobContext[ReadParams], pages: Sequence[Page]) -> list[Page]:
    """The pages that are not scans of the examination yet."""
    done = set(_scans(context).values_list("upload_id", "index"))
    return [page for page in pages if page not in done]


def _scans(context: JobContext[ReadParams]) -> Any:
    scans = Scan.objects.for_tenant(context.tenant_id)
    return scans.filter(exam_id=context.params.exam, upload_id__in=context.params.uploads)


def _children(exam: UUID, pages: Sequence[Page]) -> Iterator[Child]:
    remaining = iter(pages)
    number = 0
    while batch := list(islice(remaining, PAGES_PER_CHILD)):
        number += 1
        params = {"exam": str(exam), "parts": list(_ranges(batch))}
        yield Child(f"pages-{number:04d}", PAGES_KIND, params)


def _ranges(pages: Sequence[Page]) -> Iterator[dict[str, Any]]:
    """The pages as runs of consecutive ones."""
    numbered = enumerate(pages)
    for (upload, _), run_of in groupby(numbered, key=lambda one: (one[1][0], one[1][1] - one[0])):
        numbers = [page for _, (_, page) in run_of]
        yield {"upload": str(upload), "first": numbers[0], "last": numbers[-1]}


def _escalated(context: JobContext[ReadParams]) -> Done | FanOut:
    """Where the rule asks for it, have what is doubtful read again before summing up."""
    params = context.params
    doubtful = _scans(context).filter(needs_review=True)
    if params.escalate == "never" or not any(rows_left(scan) for scan in doubtful.iterator()):
        return _sum_up(context)
    wanted = {"exam": str(params.exam), "job": str(context.job_id)}
    again = Child(REVIEW_KEY, REVIEW_KIND, wanted, escalates=True)
    return FanOut([again], then=REVIEWED, until_percent=99)


def _sum_up(context: JobContext[ReadParams]) -> Done:
    envelope = Envelope(SCHEMA, engine="academy.sheets.reader")
    exam = Exam.objects.for_tenant(context.tenant_id).get(pk=context.params.exam)
    counts = scan_counts(_scans(context))
    envelope.review_required = counts["needs_review"] > 0
    reviews = [str(one.job_id) for one in context.children() if one.key == REVIEW_KEY]
    review = reviews[0] if reviews else None
    return Done(envelope.wrap({"exam": str(exam.pk), **counts, "review": review}))
