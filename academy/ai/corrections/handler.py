"""`ai.question_recut`: the pictures of corrected questions."""

from __future__ import annotations

from typing import Any, Final

from academy.ai.corrections.params import RecutParams
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
_CUTTER: Final = "academy.ai.corrections.file:cut"
_CUTTING, _STORING = Step("cutting", 0, 70), Step("storing", 70, 100)
_LIMITS: Final = Limits(cpu_seconds=600, memory_bytes=4 << 30, file_bytes=1 << 28)


def run(context: JobContext[RecutParams]) -> Done:
    """Cut and store. Raises PermanentError, TransientError."""
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="boxes")
    pieces = context.params.model_dump(mode="json")["pieces"]
    with envelope.timed("fetch"):
        path = bench.fetch(context.params.upload)
    with envelope.timed("cut"):
        made: dict[str, Any] = bench.read(
            _CUTTER,
            {"path": str(path), "pieces": pieces},
            reads=[path],
            step=_CUTTING,
            limits=_LIMITS,
            timeout_seconds=900,
        )
    with envelope.timed("store"):
        for at, piece in enumerate(pieces, 1):
            bench.put(piece["name"], bench.folder / piece["name"], "image/png")
            bench.say(_STORING, at / len(pieces))
    return Done(envelope.wrap(made), bench.artifacts)
