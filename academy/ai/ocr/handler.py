"""`ai.ocr_text`: a short document in one child, a long one by ranges that are joined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from academy.ai.ocr.data import language_data
from academy.ai.ocr.params import OcrPagesParams, OcrParams
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope, ModelRef
from academy.documents.workbench import Workbench
from academy.jobs.context import Child, ChildResult, Done, FanOut, JobContext
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
PAGES_KIND: Final = "ai.ocr_pages"
PART_PAGES: Final = 20
"""Pages of one child; a longer document is divided."""
INLINE_LINES: Final = 400
"""Up to so many lines stand in the result itself."""
REVIEW_BELOW: Final = 0.8
"""Mean confidence of a page; on clean scans it is above .9."""
_READER: Final = "academy.ai.ocr.file:read"
_PAGES: Final = "pages.json"
_READING, _JOINING = Step("reading", 0, 95), Step("joining", 95, 100)
_LIMITS: Final = Limits(cpu_seconds=1200, memory_bytes=4 << 30, file_bytes=1 << 29)
_TIMEOUT_SECONDS: Final = 1500.0


def run(context: JobContext[OcrParams]) -> Done | FanOut:
    """Read the document, or divide it. Raises PermanentError, TransientError."""
    if context.phase == "join":
        return _join(context)
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    params = context.params
    found = _read(bench, envelope, params, params.last_page, most=PART_PAGES)
    if found["read"]:
        return _done(bench, envelope, _pages(bench.folder / _PAGES))
    context.log.info("pages %d to %d are read by ranges", found["first"], found["last"])
    return FanOut(_ranges(params, found["first"], found["last"]), until_percent=_READING.end)


def run_pages(context: JobContext[OcrPagesParams]) -> Done:
    """Read one range of a longer document. Raises PermanentError, TransientError."""
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    _read(bench, envelope, context.params, context.params.last_page, most=None)
    return _done(bench, envelope, _pages(bench.folder / _PAGES))


def _ranges(params: OcrParams, first: int, last: int) -> list[Child]:
    return [
        Child(
            f"{start:04d}",
            PAGES_KIND,
            {
                "upload": str(params.upload),
                "first_page": start,
                "last_page": min(last, start + PART_PAGES - 1),
                "force_ocr": params.force_ocr,
                "overlay": params.overlay,
            },
        )
        for start in range(first, last + 1, PART_PAGES)
    ]


def _read(
    bench: Workbench,
    envelope: Envelope,
    params: OcrParams | OcrPagesParams,
    last: int | None,
    *,
    most: int | None,
) -> dict[str, Any]:
    with envelope.timed("fetch"):
        path = bench.fetch(params.upload)
    data = language_data()
    with envelope.timed("read"):
        found: dict[str, Any] = bench.read(
            _READER,
            {
                "path": str(path),
                "first": params.first_page,
                "last": last,
                "most": most,
                "force_ocr": params.force_ocr,
                "overlay": params.overlay,
                "data": None if data is None else str(data),
            },
            reads=[path] if data is None else [path, data],
            step=_READING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    if found["read"]:
        envelope.engine = found["engine"]
        envelope.model = None if found["model"] is None else ModelRef(**found["model"])
    return found


def _join(context: JobContext[OcrParams]) -> Done:
    """One result of all ranges."""
    bench = Workbench(context, Bucket.AI)
    children = context.children()
    envelope = Envelope(SCHEMA, engine="")
    engines: set[str] = set()
    for child in children:
        engines |= set(child.result["engine"].split("+"))
        if (model := child.result["model"]) is not None:
            envelope.model = ModelRef(**model)
        for stage, spent in child.result["timings_ms"].items():
            envelope.timings_ms[stage] = envelope.timings_ms.get(stage, 0) + spent
    envelope.engine = "+".join(sorted(engines))
    pages: list[dict[str, Any]] = []
    with envelope.timed("join"):
        for at, child in enumerate(children):
            context.raise_if_cancelled()
            pages += _taken(bench, child)
            bench.say(_JOINING, (at + 1) / len(children))
    (bench.folder / _PAGES).write_text(
        json.dumps({"pages": pages}, ensure_ascii=False), encoding="utf-8"
    )
    return _done(bench, envelope, pages)


def _taken(bench: Workbench, child: ChildResult) -> list[dict[str, Any]]:
    """A range's pages; its files are brought over, for its own prefix goes away."""
    pages: list[dict[str, Any]] = []
    for artifact in child.artifacts:
        target = bench.folder / artifact["name"]
        if artifact["name"] != _PAGES:
            bench.objects.get_file(artifact["key"], target)
            continue
        target = bench.context.scratch / f"{child.key}.json"
        bench.objects.get_file(artifact["key"], target)
        pages = _pages(target)
    return pages


def _pages(path: Path) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["pages"]
    return pages


def _done(bench: Workbench, envelope: Envelope, pages: list[dict[str, Any]]) -> Done:
    with envelope.timed("store"):
        bench.put(_PAGES, bench.folder / _PAGES, "application/json")
        for page in pages:
            if page["overlay"] is not None:
                bench.put(page["overlay"], bench.folder / page["overlay"], "image/jpeg")
    lines = sum(page["line_count"] for page in pages)
    unsure = [
        page["number"]
        for page in pages
        if page["source"] == "ocr" and page["confidence"] < REVIEW_BELOW
    ]
    if unsure:
        envelope.review_required = True
        envelope.warn("ocr_pages_unsure", pages=unsure[:50], count=len(unsure))
    shown = pages if lines <= INLINE_LINES else [{**page, "lines": None} for page in pages]
    result = {
        "page_count": len(pages), "line_count": lines, "text_file": _PAGES, "pages": shown,
    }  # fmt: skip
    return Done(envelope.wrap(result), bench.artifacts)
