"""`ai.problem_variants`: problems drawn from templates, each answer proved a second way."""

from __future__ import annotations

from typing import Any, Final

from academy.ai.variants.params import VariantsParams
from academy.ai.variants.results import WORKSHEET
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
_MAKE: Final = "academy.ai.variants.file:make"
_DRAWING, _STORING = Step("drawing", 0, 95), Step("storing", 95, 100)
_LIMITS: Final = Limits(cpu_seconds=120, memory_bytes=1 << 30, file_bytes=1 << 26)
_TIMEOUT_SECONDS: Final = 300.0


def run(context: JobContext[VariantsParams]) -> Done:
    """Draw, prove, and store the worksheet. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="academy.variants")
    # From the job's id where none is given: another attempt gives the same problems.
    seed = context.job_id.int % (1 << 53) if params.seed is None else params.seed
    with envelope.timed("draw"):
        made = _make(bench, params, seed)
    for told in made["templates"]:
        if told["made"] < told["asked"]:
            counts = {key: told[key] for key in ("template", "made", "asked")}
            envelope.warn("variants_fewer", **counts)
    name = None
    if params.worksheet:
        bench.say(_STORING, 0)
        with envelope.timed("store"):
            name = bench.put(WORKSHEET, bench.folder / WORKSHEET, "application/pdf").name
    context.log.info("drew %d problems", len(made["items"]))
    result = {"seed": seed, "verified": len(made["items"]), **made, "worksheet": name}
    return Done(envelope.wrap(result), bench.artifacts)


def _make(bench: Workbench, params: VariantsParams, seed: int) -> dict[str, Any]:
    problems = [
        {
            "name": wanted.template or f"custom-{number}",
            "template": wanted.resolved().model_dump(mode="json"),
            "count": wanted.count,
        }
        for number, wanted in enumerate(params.problems, 1)
    ]
    request = {
        "problems": problems,
        "choices": params.choices,
        "seed": seed,
        "worksheet": params.worksheet,
        "title": params.title,
    }
    try:
        made: dict[str, Any] = bench.read(
            _MAKE, request, reads=[], step=_DRAWING, limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )  # fmt: skip
    except PermanentError as error:
        if error.code == "document_too_heavy":
            raise PermanentError("variants_too_heavy") from error
        raise
    return made
