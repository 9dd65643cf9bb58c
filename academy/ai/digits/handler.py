"""`ai.short_answer_digits`: a child cuts the boxes, the network reads them here, a child tells.

The worker opens no file of a stranger: it is handed arrays of patches of a fixed size.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from academy.ai.digits.network import OTHER
from academy.ai.digits.network.model import DigitNetwork, network
from academy.ai.digits.params import DigitsPagesParams, DigitsParams
from academy.ai.digits.results import BOXES
from academy.core.storage import Bucket
from academy.documents.envelope import Device, Envelope, ModelRef
from academy.documents.workbench import Workbench
from academy.inference import device
from academy.jobs.context import Child, ChildResult, Done, FanOut, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sandbox.isolation import Limits

SCHEMA: Final = 1
ENGINE: Final = "academy.digits"
PAGES_KIND: Final = "ai.short_answer_pages"
PART_PAGES: Final = 20
"""Pages of one child; a longer document is divided."""
INLINE_BOXES: Final = 400
_FIND, _TELL = "academy.ai.digits.file:find", "academy.ai.digits.file:tell"
_PATCHES, _SHARES = "patches.npy", "shares.npy"
_SIDE: Final = 28
_MOST_PATCHES: Final = 600_000
_FINDING, _READING, _TELLING, _STORING = (
    Step("finding", 0, 40), Step("reading", 40, 60), Step("drawing", 60, 80),
    Step("storing", 80, 100),
)  # fmt: skip
_JOINING: Final = Step("joining", 95, 100)
_LIMITS: Final = Limits(cpu_seconds=600, memory_bytes=4 << 30, file_bytes=1 << 29)
_TIMEOUT_SECONDS: Final = 900.0
_BATCH: Final = 4_096

Numbers = dict[str, Any]


class Told(NamedTuple):
    """What was read: boxes and pages as the result has them, and the threshold."""

    boxes: list[Numbers]
    pages: list[dict[str, Any]]
    threshold: float


def run(context: JobContext[DigitsParams]) -> Done | FanOut:
    """Read the document, or divide it. Raises PermanentError, TransientError."""
    if context.phase == "join":
        return _join(context)
    bench, envelope = Workbench(context, Bucket.AI), Envelope(SCHEMA, engine=ENGINE)
    params = context.params
    found = _find(bench, envelope, params, origin=params.first_page, most=_part(params))
    if not found["read"]:
        return FanOut(_ranges(params, found["first"], found["last"]), until_percent=_JOINING.start)
    return _done(bench, envelope, params, _read(bench, envelope, params))


def run_pages(context: JobContext[DigitsPagesParams]) -> Done:
    """Read one range of a longer document. Raises PermanentError, TransientError."""
    bench, envelope = Workbench(context, Bucket.AI), Envelope(SCHEMA, engine=ENGINE)
    params = context.params
    _find(bench, envelope, params, origin=params.origin, most=None)
    return _done(bench, envelope, params, _read(bench, envelope, params))


def _part(params: DigitsParams) -> int:
    """Pages that one child reads: whole sheets, where there are several."""
    of_sheet = params.sheet_pages or 1
    return max(1, PART_PAGES // of_sheet) * of_sheet


def _ranges(params: DigitsParams, first: int, last: int) -> list[Child]:
    shared = params.model_dump(mode="json", exclude={"tier", "upload", "first_page", "last_page"})
    part = _part(params)
    return [
        Child(
            f"{start:04d}",
            PAGES_KIND,
            {
                **shared,
                "upload": str(params.upload),
                "origin": first,
                "first_page": start,
                "last_page": min(last, start + part - 1),
            },
        )
        for start in range(first, last + 1, part)
    ]


def _find(
    bench: Workbench,
    envelope: Envelope,
    params: DigitsParams | DigitsPagesParams,
    *,
    origin: int,
    most: int | None,
) -> dict[str, Any]:
    with envelope.timed("fetch"):
        path = bench.fetch(params.upload)
    boxes = None if params.boxes is None else [box.model_dump() for box in params.boxes]
    with envelope.timed("find"):
        found: dict[str, Any] = bench.read(
            _FIND,
            {
                "path": str(path),
                "first": params.first_page,
                "last": params.last_page,
                "origin": origin,
                "whole": most is not None,
                "most": most,
                "boxes": boxes,
                "order": params.order,
                "sheet_pages": params.sheet_pages,
            },
            reads=[path],
            step=_FINDING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    return found


def _read(bench: Workbench, envelope: Envelope, params: DigitsParams | DigitsPagesParams) -> Told:
    """Boxes and pages, as the result has them, and the threshold."""
    where = device.current()
    envelope.ran_on(where, premium=True)
    digits = network(where)
    envelope.model = ModelRef(**digits.identity)
    with envelope.timed("read"):
        np.save(bench.folder / _SHARES, _shares(bench, digits))
    with envelope.timed("draw"):
        told: dict[str, Any] = bench.read(
            _TELL,
            {
                "allowed": params.allowed,
                "threshold": digits.threshold,
                "key": params.key,
                "compare": params.compare,
            },
            reads=[],
            step=_TELLING,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    return Told(told["boxes"], told["pages"], digits.threshold)


def _shares(bench: Workbench, digits: DigitNetwork) -> npt.NDArray[np.float32]:
    patches = np.load(bench.folder / _PATCHES, mmap_mode="r", allow_pickle=False)
    if patches.dtype != np.uint8 or patches.shape[1:] != (_SIDE, _SIDE):
        raise PermanentError("document_unreadable")
    if len(patches) > _MOST_PATCHES:
        raise PermanentError("document_too_heavy")
    out = np.zeros((len(patches), OTHER + 1), np.float32)
    for start in range(0, len(patches), _BATCH):
        bench.context.raise_if_cancelled()
        out[start : start + _BATCH] = digits.shares(np.array(patches[start : start + _BATCH]))
        bench.say(_READING, min(1.0, (start + _BATCH) / len(patches)))
    return out


def _done(
    bench: Workbench,
    envelope: Envelope,
    params: DigitsParams | DigitsPagesParams,
    told: Told,
) -> Done:
    """Store what was made, and sum up."""
    boxes, pages, threshold = told
    unexpected = [
        page["number"] for page in pages
        if params.boxes is None and page["boxes"] != (params.answers or page["boxes"] or 1)
    ]  # fmt: skip
    if unexpected:
        envelope.warn("digits_boxes_unexpected", pages=unexpected[:50])
    doubtful = sum(box["status"] in {"ambiguous", "low_confidence"} for box in boxes)
    envelope.review_required = bool(doubtful or unexpected)
    (bench.folder / BOXES).write_text(
        json.dumps({"boxes": boxes, "pages": pages}, ensure_ascii=False), encoding="utf-8"
    )
    with envelope.timed("store"):
        bench.put(BOXES, bench.folder / BOXES, "application/json")
        names = [page["overlay"] for page in pages] + [box["crop"] for box in boxes]
        for at, name in enumerate(names):
            bench.put(name, bench.folder / name, "image/jpeg")
            bench.say(_STORING, (at + 1) / len(names))
    certain = [box for box in boxes if box["right"] is not None]
    bench.context.log.info("%d boxes, %d doubtful", len(boxes), doubtful)
    result = {
        "count": len(boxes),
        "ok": sum(box["status"] == "ok" for box in boxes),
        "blank": sum(box["status"] == "blank" for box in boxes),
        "doubtful": doubtful,
        "right": None if params.key is None else sum(box["right"] for box in certain),
        "threshold": threshold,
        "boxes": boxes if len(boxes) <= INLINE_BOXES else None,
        "pages": pages,
    }
    return Done(envelope.wrap(result), bench.artifacts)


def _join(context: JobContext[DigitsParams]) -> Done:
    """One result of all ranges."""
    bench, envelope = Workbench(context, Bucket.AI), Envelope(SCHEMA, engine=ENGINE)
    children = context.children()
    boxes: list[Numbers] = []
    pages: list[dict[str, Any]] = []
    threshold = 1.0
    slowest: Device = children[0].result["device"]
    for at, child in enumerate(children):
        context.raise_if_cancelled()
        envelope.model = ModelRef(**child.result["model"])
        slowest = slowest if slowest == "cpu" else child.result["device"]
        for stage, spent in child.result["timings_ms"].items():
            envelope.timings_ms[stage] = envelope.timings_ms.get(stage, 0) + spent
        threshold = child.result["result"]["threshold"]
        made = _taken(bench, child)
        boxes += made["boxes"]
        pages += made["pages"]
        bench.say(_JOINING, (at + 1) / len(children))
    envelope.ran_on(slowest, premium=True)
    return _done(bench, envelope, context.params, Told(boxes, pages, threshold))


def _taken(bench: Workbench, child: ChildResult) -> dict[str, Any]:
    """A range's boxes; its files are brought over, for its own prefix goes away."""
    listed = bench.context.scratch / f"{child.key}.json"
    for artifact in child.artifacts:
        target: Path = bench.folder / artifact["name"]
        bench.objects.get_file(artifact["key"], listed if artifact["name"] == BOXES else target)
    made: dict[str, Any] = json.loads(listed.read_text(encoding="utf-8"))
    return made
