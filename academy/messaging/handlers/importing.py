"""`messages.opt_outs.import`: read the list in a confined child, then note its phones in batches.

Each batch and the place behind it are stored in one transaction; noting a phone again changes
nothing, so that a list may be imported as often as it comes.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from django.db import transaction

from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.models import Job
from academy.jobs.steps import Step
from academy.messaging import people
from academy.messaging.params import ImportOptOutsParams
from academy.messaging.people import Source, Tally
from academy.messaging.reading import PHONES, phones
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
BATCH: Final = 2_000
_READER: Final = "academy.messaging.reading:read"
_READING, _ADDING = Step("reading", 0, 60), Step("adding", 60, 100)
_LIMITS: Final = Limits(cpu_seconds=120, memory_bytes=1 << 30, file_bytes=1 << 26)
_TIMEOUT_SECONDS: Final = 300.0


def run(context: JobContext[ImportOptOutsParams]) -> Done:
    """Import, or say which rows could be. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.EXCEL)
    envelope = Envelope(SCHEMA, engine="academy.tables")
    with envelope.timed("fetch"):
        path = bench.fetch(params.upload)
    with envelope.timed("read"):
        found: dict[str, Any] = bench.read(
            _READER,
            {"path": str(path), "sheet": params.sheet, "column": params.column},
            reads=[path],
            step=_READING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    context.log.info("%d good rows, %d faulty", found["good"], found["faulty"])
    tally = Tally()
    if not params.dry_run:
        with envelope.timed("add"):
            tally = _add(bench, context.params.everything)
    for note in found.pop("notes"):
        envelope.warn(note["code"], **note["params"])
    envelope.review_required = bool(found["faulty"])
    counts = tally.as_dict()
    if not params.dry_run:
        counts["same"] = found["good"] - tally.added - tally.widened
    return Done(envelope.wrap({"dry_run": params.dry_run, **found, **counts}))


def _add(bench: Workbench, everything: bool) -> Tally:
    """Note the phones behind the last batch that an earlier attempt stored."""
    context = bench.context
    by = Job.objects.for_tenant(context.tenant_id).get(pk=context.job_id).submitted_by
    done: int = context.checkpoint.get("done", 0)
    tally = Tally(**context.checkpoint.get("tally", {}))
    remaining = phones(bench.folder / PHONES, skip=done)
    while batch := list(islice(remaining, BATCH)):
        context.raise_if_cancelled()
        done += len(batch)
        with transaction.atomic():
            tally += people.opt_out_add(
                tenant_id=context.tenant_id, phones=batch, everything=everything,
                source=Source.IMPORT, by=by,
            )  # fmt: skip
            context.save_checkpoint({"done": done, "tally": tally.as_dict()})
        bench.say(_ADDING, 0.5)
    return tally
