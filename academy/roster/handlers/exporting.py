"""`roster.export`: the students as xlsx or csv, which `roster.import` reads back exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.tables.writing import CONTENT_TYPES, write_table
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step
from academy.roster import table
from academy.roster.params import ExportParams
from academy.roster.selectors import students_list

SCHEMA: Final = 1
_WRITING, _STORING = Step("writing", 0, 90), Step("storing", 90, 100)
_LOOK_EVERY: Final = 1_000

T = TypeVar("T")


def run(context: JobContext[ExportParams]) -> Done:
    """Write the file and store it; the link to it is signed when somebody reads the job."""
    params = context.params
    bench = Workbench(context, Bucket.EXCEL)
    envelope = Envelope(SCHEMA, engine="academy.tables")
    students = students_list(
        tenant=context.tenant_id,
        states=[] if params.state is None else [params.state],
        school=params.school,
        grade=params.grade,
        class_name=params.class_name,
    )
    total = students.count()
    path = bench.folder / f"students.{params.format}"
    with envelope.timed("write"):
        rows = write_table(
            path,
            params.format,
            table.COLUMNS,
            _watched(bench, table.rows_of(students), total),
            title="학생",
        )
    bench.say(_STORING, 0)
    with envelope.timed("store"):
        made = bench.put(path.name, path, CONTENT_TYPES[params.format])
    context.log.info("wrote %d rows, %.1f MB", rows, made.size / 1e6)
    result = {"file": made.name, "rows": rows, "size": made.size, "sha256": made.sha256}
    return Done(envelope.wrap(result), bench.artifacts)


def _watched(bench: Workbench, rows: Iterable[T], total: int) -> Iterator[T]:
    """The rows, telling people how far they are."""
    for count, row in enumerate(rows):
        if count % _LOOK_EVERY == 0:
            bench.context.raise_if_cancelled()
            bench.say(_WRITING, count / max(1, total))
        yield row
