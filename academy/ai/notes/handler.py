"""Wrong notes: the questions that a student missed, as a PDF to solve again."""

from __future__ import annotations

from typing import Any, Final

from academy.ai.notes.params import BookletParams
from academy.ai.notes.results import NOTES
from academy.ai.notes.taking import booklet_of
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
_MAKE: Final = "academy.ai.notes.file:make"
_FETCHING, _CUTTING, _STORING = (
    Step("fetching", 0, 20), Step("cutting", 20, 95), Step("storing", 95, 100),
)  # fmt: skip
_LIMITS: Final = Limits(cpu_seconds=300, memory_bytes=4 << 30, file_bytes=1 << 28)
_TIMEOUT_SECONDS: Final = 600.0


def run(context: JobContext[BookletParams]) -> Done:
    """Cut, lay out and store. Raises AppError, PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="pdfium")
    booklet = booklet_of(context.tenant_id, params)
    paths = {}
    with envelope.timed("fetch"):
        for count, upload in enumerate(booklet.uploads):
            bench.say(_FETCHING, count / len(booklet.uploads))
            paths[upload] = bench.fetch(upload)
    items = [{**one.to_json(), "path": str(paths[one.upload])} for one in booklet.items]
    layout = {
        **params.model_dump(include={"columns", "space_mm", "answers"}),
        "title": booklet.title,
        "student": booklet.student,
    }
    with envelope.timed("cut"):
        made: dict[str, Any] = bench.read(
            _MAKE,
            {"questions": items, "layout": layout},
            reads=list(paths.values()),
            step=_CUTTING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    if replaced := made.pop("replaced"):
        envelope.warn("notes_picture_instead", count=replaced)
    bench.say(_STORING, 0)
    with envelope.timed("store"):
        file = bench.put(NOTES, bench.folder / NOTES, "application/pdf")
    context.log.info("%d questions on %d pages", booklet.questions, made["pages"])
    result = {"file": file.name, "questions": booklet.questions, "size": file.size, **made}
    return Done(envelope.wrap({**result, "sha256": file.sha256}), bench.artifacts)
