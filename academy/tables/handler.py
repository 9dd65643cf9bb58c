"""`tables.export`: rows into a workbook, read and written by one confined child, as a stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.tables.writing import CONTENT_TYPES
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits
from academy.tables import errors  # noqa: F401 - registers the codes
from academy.tables.params import ExportParams

SCHEMA: Final = 1
_WRITER: Final = "academy.tables.writer:write"
_WRITING, _STORING = Step("writing", 0, 90), Step("storing", 90, 100)
_LIMITS: Final = Limits(cpu_seconds=300, memory_bytes=1 << 30, file_bytes=1 << 29)
_TIMEOUT_SECONDS: Final = 600.0


def run(context: JobContext[ExportParams]) -> Done:
    """Write the table and store it. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.EXCEL)
    envelope = Envelope(SCHEMA, engine="academy.tables")
    with envelope.timed("fetch"):
        path = _rows(bench) if params.upload is None else bench.fetch(params.upload)
    name = f"{params.preset or 'table'}.{params.format}"
    with envelope.timed("write"):
        rows: int = bench.read(
            _WRITER,
            {
                "path": str(path),
                "name": name,
                "format": params.format,
                "columns": [column.model_dump(mode="json") for column in params.table],
            },
            reads=[path],
            step=_WRITING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    bench.say(_STORING, 0)
    with envelope.timed("store"):
        made = bench.put(name, bench.folder / name, CONTENT_TYPES[params.format])
    context.log.info("wrote %d rows, %.1f MB", rows, made.size / 1e6)
    result = {"file": made.name, "rows": rows, "size": made.size, "sha256": made.sha256}
    return Done(envelope.wrap(result), bench.artifacts)


def _rows(bench: Workbench) -> Path:
    """The rows of the parameters, as an upload would have them."""
    path = bench.context.scratch / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in bench.context.params.rows or ():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path
