"""`ai.question_segmentation` in the confined child: a document to questions and their pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2

from academy.ai.pages.document import Document, opened
from academy.ai.segmentation.cutting import Cutter
from academy.ai.segmentation.limits import MAX_QUESTIONS
from academy.ai.segmentation.looking import PICTURE, Looker, shown_pages
from academy.ai.segmentation.planning import Part, Piece, missing, planned
from academy.sandbox.child import Refused

LOOK: Final = "look.json"
CUTS: Final = "cuts.json"
_LOOKING, _CUTTING = 0.45, 0.55


def read(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Find and cut out the questions on pages ``first`` to ``last`` (or None) of a document.

    ``request`` has its ``path`` and the ``most`` pages that one call reads: of a longer range
    nothing is read. Returns ``{"first", "last", "read", "found"}``; ``found`` is as the result has
    it, the crops and previews are files of the folder. Refuses a test without numbers.
    """
    cv2.setNumThreads(1)
    with opened(Path(request["path"])) as document:
        first, last = _range(request, document)
        span = {"first": first, "last": last, "read": False, "found": None}
        if last - first + 1 > request["most"]:
            return span
        looked = Looker(document, folder).look(first, last, lambda share: say(_LOOKING * share))
        pieces = checked(planned([looked]))
        cuts = _cut(
            document, folder, enumerate_pieces(pieces), angles_of([looked]),
            lambda share: say(_LOOKING + _CUTTING * share),
        )  # fmt: skip
        return {**span, "read": True, "found": found([looked], pieces, cuts)}


def look(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Look at pages ``first`` to ``last`` of ``request["path"]``; what was seen is in `LOOK`."""
    cv2.setNumThreads(1)
    with opened(Path(request["path"])) as document:
        looked = Looker(document, folder).look(request["first"], request["last"], say)
    (folder / LOOK).write_text(json.dumps(looked), encoding="utf-8")
    return {"pages": len(looked["pages"]), "model": looked["model"]}


def cut(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Cut ``request["pieces"]`` (each a ``name`` and its ``parts``) out of ``request["path"]``.

    ``angles`` are those by which pages were straightened, by their number. What was cut is in
    `CUTS`: the parts of each piece by its name.
    """
    cv2.setNumThreads(1)
    wanted = [
        (piece["name"], [Part(page, tuple(box)) for page, box in piece["parts"]])
        for piece in request["pieces"]
    ]
    angles = {int(number): float(angle) for number, angle in request["angles"].items()}
    with opened(Path(request["path"])) as document:
        cuts = _cut(document, folder, wanted, angles, say)
    (folder / CUTS).write_text(json.dumps(cuts), encoding="utf-8")
    return {"pieces": len(cuts)}


def _range(request: Mapping[str, Any], document: Document) -> tuple[int, int]:
    last = min(document.pages, request["last"] or document.pages)
    if request["first"] > last:
        raise Refused("document_page_missing", page=request["first"], pages=document.pages)
    return request["first"], last


def checked(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """The pieces, if there are questions and not too many. Raises Refused."""
    if not any(piece.is_question for piece in pieces):
        raise Refused("questions_not_found")
    if len(pieces) > MAX_QUESTIONS:
        raise Refused("questions_too_many", count=len(pieces), limit=MAX_QUESTIONS)
    return pieces


def enumerate_pieces(pieces: Sequence[Piece]) -> list[tuple[str, list[Part]]]:
    """Every piece with the name of its crop."""
    return [
        (f"{'question' if piece.is_question else 'shared'}-{at:04d}.png", list(piece.parts))
        for at, piece in enumerate(pieces, 1)
    ]


def angles_of(looks: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """By how much each page without text was turned."""
    return {
        page["number"]: page["angle"]
        for looked in looks
        for page in looked["pages"]
        if page["source"] == PICTURE
    }


def _cut(
    document: Document, folder: Path, wanted: Sequence[tuple[str, list[Part]]],
    angles: dict[int, float], say: Callable[[float], None],
) -> dict[str, Any]:  # fmt: skip
    """Parts of each piece on the pages as they were given; none where nothing is printed."""
    cutter = Cutter(document, angles)
    cuts = {}
    for at, (name, parts) in enumerate(wanted, 1):
        fitted = cutter.fitted(parts)
        if fitted:
            cutter.write(folder / name, fitted)
        given = [cutter.given(part) for part in fitted]
        cuts[name] = [{"page": part.page, "bbox": list(part.box)} for part in given]
        say(at / len(wanted))
    return cuts


def found(
    looks: Sequence[Mapping[str, Any]], pieces: Sequence[Piece], cuts: Mapping[str, Any]
) -> dict[str, Any]:
    """What was found, as the result has it. Pieces without ink are none."""
    questions: list[dict[str, Any]] = []
    shared: list[dict[str, Any]] = []
    for piece, (name, _) in zip(pieces, enumerate_pieces(pieces), strict=True):
        parts = cuts[name]
        if not parts:
            continue
        anchor = piece.anchor
        placed = {
            **parts[0], "parts": parts, "crop": name,
            "confidence": anchor.confidence, "number_confidence": anchor.number_confidence,
        }  # fmt: skip
        if anchor.last is None:
            questions.append({"n": anchor.number, **placed})
        else:
            shared.append({"first": anchor.number, "last": anchor.last, **placed})
    return {
        "questions": questions,
        "shared": shared,
        "missing": missing([question["n"] for question in questions]),
        "pages": [one for looked in looks for one in shown_pages(looked["pages"])],
        "unread": [number for looked in looks for number in looked["unread"]],
        "model": next((looked["model"] for looked in looks if looked["model"]), None),
    }
