"""`sheets.make`: the PDF of a design, to print."""

from __future__ import annotations

from typing import Any, Final

from academy.core.storage import Bucket
from academy.documents.envelope import Envelope
from academy.documents.workbench import Workbench
from academy.jobs.context import Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits
from academy.sheets.models import SheetDesign
from academy.sheets.params import MakeParams

SCHEMA: Final = 1
_MAKER: Final = "academy.sheets.maker.file:make"
_PDF, _LAYOUT = "sheet.pdf", "layout.json"
_FETCHING, _MAKING, _STORING = (
    Step("fetching", 0, 10),
    Step("making", 10, 90),
    Step("storing", 90, 100),
)
_LIMITS: Final = Limits(cpu_seconds=120, memory_bytes=2 << 30, file_bytes=1 << 27)


def run(context: JobContext[MakeParams]) -> Done:
    """Make the PDF and store it beside its layout."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="academy.sheets.maker")
    design = SheetDesign.objects.for_tenant(context.tenant_id).filter(pk=params.design).first()
    if design is None:
        raise PermanentError("sheet_design_not_found")
    bench.say(_FETCHING, 0)
    logo = None if params.logo is None else bench.fetch(params.logo)
    with envelope.timed("make"):
        made: dict[str, Any] = bench.read(
            _MAKER,
            {"layout": design.layout, "logo": None if logo is None else str(logo)},
            reads=[] if logo is None else [logo],
            step=_MAKING,
            limits=_LIMITS,
            timeout_seconds=300,
        )
    bench.say(_STORING, 0)
    with envelope.timed("store"):
        bench.put(_PDF, bench.folder / _PDF, "application/pdf")
        bench.put(_LAYOUT, bench.folder / _LAYOUT, "application/json")
    result = {"design": str(design.pk), **made, "file": _PDF, "layout": _LAYOUT}
    return Done(envelope.wrap(result), bench.artifacts)
