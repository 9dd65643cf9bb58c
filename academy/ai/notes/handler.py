"""`ai.wrong_note_pdf`: the questions that a student missed, as a PDF to solve again."""

from __future__ import annotations

from typing import Any, Final

from academy.ai.notes.params import WrongNoteParams
from academy.ai.notes.results import NOTES
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


def run(context: JobContext[WrongNoteParams]) -> Done:
    """Cut, lay out and store. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="pdfium")
    paths = {}
    with envelope.timed("fetch"):
        for count, upload in enumerate(params.uploads):
            bench.say(_FETCHING, count / len(params.uploads))
            paths[upload] = bench.fetch(upload)
    questions = [
        {**one.model_dump(mode="json", exclude={"upload"}), "path": str(paths[one.upload])}
        for one in params.questions
    ]
    layout = params.model_dump(include={"title", "student", "columns", "space_mm", "answers"})
    with envelope.timed("cut"):
        made: dict[str, Any] = bench.read(
            _MAKE,
            {"questions": questions, "layout": layout},
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
    context.log.info("%d questions on %d pages", len(questions), made["pages"])
    result = {"file": file.name, "questions": len(questions), "size": file.size, **made}
    return Done(envelope.wrap({**result, "sha256": file.sha256}), bench.artifacts)
