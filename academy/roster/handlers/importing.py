"""`roster.import`: read the list in a confined child, then add its rows in batches.

Each batch and the place behind it are stored in one transaction, so that a worker that dies in the
middle leaves nothing half done, and the next attempt goes on behind the last batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from django.db import transaction

from academy.core.crash import crash_point
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.tables.writing import XLSX_TYPE
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step
from academy.roster import batches
from academy.roster.batches import Tally
from academy.roster.params import ImportParams
from academy.roster.reading import ANNOTATED, ROWS, good_rows
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
BATCH: Final = 2_000
_READER: Final = "academy.roster.reading:read"
_READING, _COMPARING, _ADDING, _MARKING = (
    Step("reading", 0, 55), Step("comparing", 55, 90), Step("adding", 55, 90),
    Step("marking", 90, 100),
)  # fmt: skip
_LIMITS: Final = Limits(cpu_seconds=300, memory_bytes=1 << 30, file_bytes=1 << 29)
_TIMEOUT_SECONDS: Final = 600.0

T = TypeVar("T")


def run(context: JobContext[ImportParams]) -> Done:
    """Import, or say what an import would do. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.EXCEL)
    envelope = Envelope(SCHEMA, engine="academy.tables")
    with envelope.timed("fetch"):
        path = bench.fetch(params.upload)
    with envelope.timed("read"):
        found: dict[str, Any] = bench.read(
            _READER,
            {
                "path": str(path),
                "sheet": params.sheet,
                "header_row": params.header_row,
                "mapping": params.mapping,
                "annotate": "all" if params.dry_run else "faulty",
                "sure": not params.dry_run,
            },
            reads=[path],
            step=_READING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    context.log.info("%d good rows, %d faulty", found["good"], found["faulty"])
    with envelope.timed("compare" if params.dry_run else "add"):
        tally = _compare(bench, found["good"]) if params.dry_run else _add(bench, found["good"])
    for note in found.pop("notes"):
        envelope.warn(note["code"], **note["params"])
    envelope.review_required = bool(found["faulty"])
    if params.dry_run or found["faulty"]:
        with envelope.timed("mark"):
            bench.say(_MARKING, 0)
            name = "annotated.xlsx" if params.dry_run else "faulty.xlsx"
            bench.put(name, bench.folder / ANNOTATED, XLSX_TYPE)
    result = {"dry_run": params.dry_run, **found, **tally.as_dict()}
    return Done(envelope.wrap(result), bench.artifacts)


def _compare(bench: Workbench, total: int) -> Tally:
    """What the rows would do."""
    tally, done = Tally(), 0
    for rows in _batches(good_rows(bench.folder / ROWS), BATCH):
        bench.context.raise_if_cancelled()
        tally += batches.look(bench.context.tenant_id, [values for _, values in rows])
        done += len(rows)
        bench.say(_COMPARING, done / total)
    return tally


def _add(bench: Workbench, total: int) -> Tally:
    """Add the rows behind the last batch that an earlier attempt stored."""
    context = bench.context
    done: int = context.checkpoint.get("done", 0)
    tally = Tally(**context.checkpoint.get("tally", {}))
    if done:
        context.log.info("going on behind row %d of %d", done, total)
    for rows in _batches(good_rows(bench.folder / ROWS, skip=done), BATCH):
        context.raise_if_cancelled()
        done += len(rows)
        with transaction.atomic():
            tally += batches.store(context.tenant_id, [values for _, values in rows])
            context.save_checkpoint({"done": done, "tally": tally.as_dict()})
            crash_point("roster.batch")
        bench.say(_ADDING, done / total)
    return tally


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
