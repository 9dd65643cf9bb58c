"""`ai.question_segmentation`: one child reads the test, the crops become artifacts."""

from __future__ import annotations

from typing import Any, Final

from academy.ai.segmentation.params import SegmentationParams
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
ENGINE: Final = "text-layer-chain"
_READER: Final = "academy.ai.segmentation.file:read"
_READING, _STORING = Step("reading", 0, 70), Step("storing", 70, 100)
_LIMITS: Final = Limits(cpu_seconds=600, memory_bytes=4 << 30, file_bytes=1 << 28)
_TIMEOUT_SECONDS: Final = 900.0


def run(context: JobContext[SegmentationParams]) -> Done:
    """Find the questions and store their pictures. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine=ENGINE)
    with envelope.timed("fetch"):
        path = bench.fetch(params.upload)
    with envelope.timed("read"):
        found: dict[str, Any] = bench.read(
            _READER,
            {"path": str(path), "first": params.first_page, "last": params.last_page},
            reads=[path],
            step=_READING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    crops = [one["crop"] for one in (*found["questions"], *found["shared"])]
    with envelope.timed("store"):
        for at, name in enumerate(crops):
            bench.put(name, bench.folder / name, "image/png")
            bench.say(_STORING, (at + 1) / len(crops))
    if found["missing"]:
        envelope.review_required = True
        envelope.warn("questions_numbers_missing", numbers=found["missing"][:50])
    context.log.info("%d questions, %d shared texts", len(found["questions"]), len(found["shared"]))
    return Done(envelope.wrap({"count": len(found["questions"]), **found}), bench.artifacts)
