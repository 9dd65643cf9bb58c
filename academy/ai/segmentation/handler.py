"""`ai.question_segmentation`: a short document in one child, a long one by ranges of pages.

A long one takes three turns: its ranges are looked at, the chain of numbers is found over all of
them, and the questions are cut out, again by ranges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from academy.ai.segmentation import file
from academy.ai.segmentation.looking import PICTURE, TEXT
from academy.ai.segmentation.params import CutParams, LookParams, SegmentationParams
from academy.ai.segmentation.planning import Piece, planned
from academy.core.storage import Bucket
from academy.documents.envelope import Envelope, ModelRef
from academy.documents.workbench import Workbench
from academy.jobs.context import Child, ChildResult, Done, FanOut, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.steps import Step
from academy.sandbox.child import Refused
from academy.sandbox.isolation import Limits

SCHEMA: Final = 2
LOOK_KIND: Final = "ai.question_look"
CUT_KIND: Final = "ai.question_cut"
PART_PAGES: Final = 20
"""Pages of one child; a longer document is divided."""
REVIEW_BELOW: Final = 0.75
"""Confidence of a question, or of its number."""
_ENGINES: Final = {TEXT: "text-layer-chain", PICTURE: "picture-number-chain"}
_FILE: Final = "academy.ai.segmentation.file"
_READING, _STORING = Step("reading", 0, 80), Step("storing", 80, 100)
_LOOKED, _CUT = 50.0, 92.0
_JOINING: Final = Step("joining", _CUT, 100)
_WHOLE: Final = Step("reading", 0, 90)
_KEEPING: Final = Step("storing", 90, 100)
_LIMITS: Final = Limits(cpu_seconds=600, memory_bytes=4 << 30, file_bytes=1 << 28)
_TIMEOUT_SECONDS: Final = 900.0
_PNG, _JPEG, _JSON = "image/png", "image/jpeg", "application/json"


def run(context: JobContext[SegmentationParams]) -> Done | FanOut:
    """Find the questions and store their pictures. Raises PermanentError, TransientError."""
    if context.phase == "cut":
        return _divide_cuts(context)
    if context.phase == "join":
        return _join(context)
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    request = {"first": params.first_page, "last": params.last_page, "most": PART_PAGES}
    answer = _asked(bench, envelope, "read", request, _READING)
    if not answer["read"]:
        context.log.info("pages %d to %d in ranges", answer["first"], answer["last"])
        looks = _ranges(params, answer["first"], answer["last"])
        return FanOut(looks, then="cut", until_percent=_LOOKED)
    found = answer["found"]
    with envelope.timed("store"):
        _put_pictures(bench, found, _STORING)
    return _done(bench, envelope, found)


def run_look(context: JobContext[LookParams]) -> Done:
    """Look at one range of pages. Raises PermanentError, TransientError."""
    params = context.params
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    request = {"first": params.first_page, "last": params.last_page}
    answer = _asked(bench, envelope, "look", request, _WHOLE)
    with envelope.timed("store"):
        bench.put(file.LOOK, bench.folder / file.LOOK, _JSON)
        _put_all(bench, sorted(bench.folder.glob("page-*.jpg")), _JPEG, _KEEPING)
    return Done(envelope.wrap(answer), bench.artifacts)


def run_cut(context: JobContext[CutParams]) -> Done:
    """Cut out the questions of one range. Raises PermanentError, TransientError."""
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    request = context.params.model_dump(mode="json", include={"pieces", "angles"})
    request["pieces"] = [{"name": p["name"], "parts": p["parts"]} for p in request["pieces"]]
    answer = _asked(bench, envelope, "cut", request, _WHOLE)
    with envelope.timed("store"):
        bench.put(file.CUTS, bench.folder / file.CUTS, _JSON)
        _put_all(bench, sorted(bench.folder.glob("*.png")), _PNG, _KEEPING)
    return Done(envelope.wrap(answer), bench.artifacts)


def _asked(
    bench: Workbench, envelope: Envelope, function: str, request: Mapping[str, Any], step: Step
) -> dict[str, Any]:
    """What a function of the child says of the job's upload."""
    with envelope.timed("fetch"):
        path = bench.fetch(bench.context.params.upload)
    with envelope.timed("read"):
        answer: dict[str, Any] = bench.read(
            f"{_FILE}:{function}",
            {"path": str(path), **request},
            reads=[path],
            step=step,
            limits=_LIMITS,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    return answer


def _ranges(params: SegmentationParams, first: int, last: int) -> list[Child]:
    return [
        Child(
            f"look-{start:04d}",
            LOOK_KIND,
            {
                "upload": str(params.upload),
                "first_page": start,
                "last_page": min(last, start + PART_PAGES - 1),
            },
        )
        for start in range(first, last + 1, PART_PAGES)
    ]


def _divide_cuts(context: JobContext[SegmentationParams]) -> FanOut:
    """Find the chain over all ranges, and have every question cut where it begins."""
    bench = Workbench(context, Bucket.AI)
    looks = _looks(bench)
    pieces = _planned(looks)
    angles = file.angles_of(looks)
    children = list(_cut_children(context.params, pieces, angles))
    return FanOut(children, then="join", until_percent=_CUT)


def _cut_children(
    params: SegmentationParams, pieces: Sequence[Piece], angles: Mapping[int, float]
) -> Iterator[Child]:
    named = list(zip(pieces, file.enumerate_pieces(pieces), strict=True))
    # Chains that begin anew, and pages in any order, keep a range's questions together.
    for part, group in groupby(named, key=lambda one: (one[0].parts[0].page - 1) // PART_PAGES):
        wanted = [name_and_parts for _, name_and_parts in group]
        pages = {one.page for _, parts in wanted for one in parts}
        yield Child(
            f"cut-{part:04d}",
            CUT_KIND,
            {
                "upload": str(params.upload),
                "pieces": [
                    {"name": name, "parts": [(one.page, one.box) for one in parts]}
                    for name, parts in wanted
                ],
                "angles": {page: angles[page] for page in sorted(pages & angles.keys())},
            },
        )


def _planned(looks: Sequence[Mapping[str, Any]]) -> Sequence[Piece]:
    try:
        return file.checked(planned(looks))
    except Refused as refused:
        raise PermanentError(refused.code, **refused.params) from None


def _join(context: JobContext[SegmentationParams]) -> Done:
    """One result of all ranges; what they stored is brought over, for their prefixes go away."""
    bench = Workbench(context, Bucket.AI)
    envelope = Envelope(SCHEMA, engine="")
    children = context.children()
    for child in children:
        for stage, spent in child.result["timings_ms"].items():
            envelope.timings_ms[stage] = envelope.timings_ms.get(stage, 0) + spent
    with envelope.timed("join"):
        looks = _looks(bench)
        cuts: dict[str, Any] = {}
        for child in children:
            if child.key.startswith("cut-"):
                cuts |= _json(bench, child, file.CUTS)
        found = file.found(looks, _planned(looks), cuts)
        pictures = [
            artifact
            for child in children
            for artifact in child.artifacts
            if artifact["name"] not in (file.LOOK, file.CUTS)
        ]
        for at, artifact in enumerate(pictures, 1):
            target = bench.folder / artifact["name"]
            bench.objects.get_file(artifact["key"], target)
            bench.put(artifact["name"], target, artifact["content_type"])
            target.unlink()
            bench.say(_JOINING, at / len(pictures))
    return _done(bench, envelope, found)


def _looks(bench: Workbench) -> list[dict[str, Any]]:
    """What the ranges saw, in their order."""
    children = [one for one in bench.context.children() if one.key.startswith("look-")]
    return [_json(bench, child, file.LOOK) for child in children]


def _json(bench: Workbench, child: ChildResult, name: str) -> dict[str, Any]:
    (artifact,) = (one for one in child.artifacts if one["name"] == name)
    target: Path = bench.context.scratch / f"{child.key}.json"
    bench.objects.get_file(artifact["key"], target)
    data: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    target.unlink()
    return data


def _put_pictures(bench: Workbench, found: Mapping[str, Any], step: Step) -> None:
    crops = [bench.folder / one["crop"] for one in (*found["questions"], *found["shared"])]
    previews = [bench.folder / page["preview"] for page in found["pages"]]
    _put_all(bench, crops, _PNG, step)
    _put_all(bench, previews, _JPEG, Step(step.name, step.end, step.end))


def _put_all(bench: Workbench, paths: Sequence[Path], content_type: str, step: Step) -> None:
    for at, path in enumerate(paths, 1):
        bench.put(path.name, path, content_type)
        bench.say(step, at / len(paths))


def _done(bench: Workbench, envelope: Envelope, found: dict[str, Any]) -> Done:
    model = found.pop("model")
    envelope.model = None if model is None else ModelRef(**model)
    sources = {page["source"] for page in found["pages"]}
    envelope.engine = "+".join(sorted(_ENGINES[source] for source in sources))
    if found["missing"]:
        envelope.warn("questions_numbers_missing", numbers=found["missing"][:50])
    if found["unread"]:
        envelope.warn("questions_pages_unread", pages=found["unread"][:50])
    unsure = [one["n"] for one in found["questions"] if _is_unsure(one)]
    if unsure:
        envelope.warn("questions_unsure", numbers=unsure[:50], count=len(unsure))
    envelope.review_required = bool(envelope.warnings)
    bench.context.log.info(
        "%d questions, %d shared texts", len(found["questions"]), len(found["shared"])
    )
    return Done(envelope.wrap({"count": len(found["questions"]), **found}), bench.artifacts)


def _is_unsure(question: Mapping[str, Any]) -> bool:
    least: float = min(question["confidence"], question["number_confidence"])
    return least < REVIEW_BELOW
