"""`ai.short_answer_digits` in the confined child, before and after the network.

`find` opens the document, cuts the boxes and writes what the network is to see; `tell` makes
values, crops and overlays of what it said. Both walk through the same boxes in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from academy.ai.digits.drawing import drawn, write_jpeg
from academy.ai.digits.grading import is_right
from academy.ai.digits.reading.ink import Gray
from academy.ai.digits.reading.pieces import SIDE, Rect
from academy.ai.digits.reading.printed import printed_boxes
from academy.ai.digits.reading.verdict import Prepared, Status, Verdict, decide, joined, prepare
from academy.ai.pages.document import Document, opened
from academy.ai.pages.paper import evened, skew
from academy.sandbox.child import Refused

PATCHES: Final = "patches.npy"
SHARES: Final = "shares.npy"
_FOUND: Final = "found.json"
SMALLEST: Final = 12
MAX_ON_PAGE: Final = 200
_CELL_INSET: Final = 0.1
_LEVEL: Final = 0.2
"""Degrees: less is level."""


@dataclass(frozen=True)
class _Place:
    """A box on a page: its number and sheet, and where its cells are (itself, without any)."""

    n: int
    sheet: int
    rect: Rect
    cells: tuple[Rect, ...]


def find(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Cut the boxes on pages ``first`` to ``last`` (or None) of ``request["path"]``.

    ``boxes`` are the given ones or None, ``order`` how printed ones are counted, ``origin`` the
    page on which the first sheet begins and ``sheet_pages`` how many pages each has (or None);
    ``most`` the most pages that one call reads (or None): of a longer range nothing is read.
    Returns ``{"first", "last", "read"}``; patches are in the file `PATCHES`.
    """
    cv2.setNumThreads(1)
    with opened(Path(request["path"])) as document:
        first = request["first"]
        last = min(document.pages, request["last"] or document.pages)
        if first > last:
            raise Refused("document_page_missing", page=first, pages=document.pages)
        _check_sheets(request, last)
        span = {"first": first, "last": last}
        if request["most"] is not None and last - first + 1 > request["most"]:
            return {**span, "read": False}
        pages, patches = [], [np.zeros((0, SIDE, SIDE), np.uint8)]
        for number in range(first, last + 1):
            page, places = _page(document, number, request, last)
            name = f"page-{number:04d}.png"
            done, encoded = cv2.imencode(".png", page, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            if not done:
                raise ValueError("the page cannot be encoded")
            (folder / name).write_bytes(encoded.tobytes())
            pages.append(
                {"number": number, "file": name, "places": [_to_json(place) for place in places]}
            )
            for place in places:
                patches += [prepared.patches for prepared in _prepared(page, place)]
            say((number - first + 1) / (last - first + 1))
        np.save(folder / PATCHES, np.concatenate(patches))
        (folder / _FOUND).write_text(json.dumps(pages), encoding="utf-8")
        return {**span, "read": True}


def _check_sheets(request: dict[str, Any], last: int) -> None:
    """Every page on which a box must be is there. Raises Refused."""
    if request["boxes"] is None:
        return
    pages = last - request["origin"] + 1
    needed = max(box["page"] for box in request["boxes"])
    of_sheet = request["sheet_pages"] or max(needed, pages)
    lacking = needed - (pages % of_sheet or of_sheet)
    if lacking > 0 and request["whole"]:
        raise Refused("digits_page_missing", page=last + lacking, pages=last)


def _page(
    document: Document, number: int, request: dict[str, Any], last: int
) -> tuple[Gray, list[_Place]]:
    """The evened page, and its boxes; straightened too where they have to be found."""
    even = evened(document.gray(number))
    at = number - request["origin"]
    of_sheet = request["sheet_pages"]
    sheet, page = (1, at + 1) if of_sheet is None else (at // of_sheet + 1, at % of_sheet + 1)
    if request["boxes"] is None:
        even = _level(even)
        rects = printed_boxes(even, request["order"])
        if not rects and request["origin"] == last:
            raise Refused("digits_boxes_missing", page=number)
        if len(rects) > MAX_ON_PAGE:
            raise Refused("digits_too_many_boxes", page=number, count=len(rects), limit=MAX_ON_PAGE)
        return even, [_Place(n, sheet, rect, (rect,)) for n, rect in enumerate(rects, 1)]
    return even, [
        _given(n, sheet, box, even)
        for n, box in enumerate(request["boxes"], 1)
        if box["page"] == page
    ]


def _level(even: Gray) -> Gray:
    angle = skew(even)
    if abs(angle) < _LEVEL:
        return even
    height, width = even.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    turned = cv2.warpAffine(even, turn, (width, height), flags=cv2.INTER_CUBIC, borderValue=255.0)
    return np.asarray(turned, np.uint8)


def _given(n: int, sheet: int, box: dict[str, Any], even: Gray) -> _Place:
    height, width = even.shape
    left, top = round(box["x"] * width), round(box["y"] * height)
    right = min(width, round((box["x"] + box["w"]) * width))
    bottom = min(height, round((box["y"] + box["h"]) * height))
    if (smaller := min(right - left, bottom - top)) < SMALLEST:
        raise Refused("digits_box_too_small", n=n, pixels=max(0, smaller), limit=SMALLEST)
    rect = (left, top, right, bottom)
    if box["cells"] is None:
        return _Place(n, sheet, rect, (rect,))
    edges = np.linspace(left, right, box["cells"] + 1)
    inset = _CELL_INSET * (edges[1] - edges[0])
    cells = [
        (round(start + inset), top, round(end - inset), bottom) for start, end in pairwise(edges)
    ]
    if min(cell[2] - cell[0] for cell in cells) < SMALLEST:
        raise Refused("digits_box_too_small", n=n, pixels=cells[0][2] - cells[0][0], limit=SMALLEST)
    return _Place(n, sheet, rect, tuple(cells))


def _to_json(place: _Place) -> dict[str, Any]:
    return {"n": place.n, "sheet": place.sheet, "rect": place.rect, "cells": place.cells}


def _prepared(page: Gray, place: _Place) -> Iterator[Prepared]:
    for left, top, right, bottom in place.cells:
        yield prepare(page[max(0, top) : bottom, max(0, left) : right])


def tell(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """The boxes of `find` with their values; crops and overlays are files of the folder.

    ``request`` has ``allowed``, ``threshold``, ``key`` (or None) and ``compare``; the file `SHARES`
    has the network's word on each patch.
    """
    cv2.setNumThreads(1)
    shares = np.load(folder / SHARES, allow_pickle=False)
    pages = json.loads((folder / _FOUND).read_text(encoding="utf-8"))
    boxes: list[dict[str, Any]] = []
    told = []
    at = 0
    for done, page in enumerate(pages, 1):
        gray = np.asarray(cv2.imread(str(folder / page["file"]), cv2.IMREAD_GRAYSCALE), np.uint8)
        rows: list[tuple[_Place, Verdict]] = []
        for raw in page["places"]:
            place = _Place(
                raw["n"], raw["sheet"], tuple(raw["rect"]), tuple(map(tuple, raw["cells"]))
            )
            verdicts = []
            for cell, prepared in zip(place.cells, _prepared(gray, place), strict=True):
                end = at + len(prepared.patches)
                verdict = decide(
                    prepared, shares[at:end], allowed=request["allowed"],
                    threshold=request["threshold"], single=len(place.cells) > 1,
                )  # fmt: skip
                verdicts.append((verdict, cell))
                at = end
            rows.append((place, joined(verdicts)))
        overlay = f"overlay-{page['number']:04d}.jpg"
        boxes += [_told(place, verdict, gray, page=page["number"], folder=folder, request=request)
                  for place, verdict in rows]  # fmt: skip
        write_jpeg(drawn(gray, [(place.n, place.rect, verdict) for place, verdict in rows]),
                   folder / overlay)  # fmt: skip
        told.append({"number": page["number"], "width": gray.shape[1], "height": gray.shape[0],
                     "boxes": len(rows), "overlay": overlay})  # fmt: skip
        say(done / len(pages))
    return {"boxes": boxes, "pages": told}


def _told(
    place: _Place,
    verdict: Verdict,
    gray: Gray,
    *,
    page: int,
    folder: Path,
    request: dict[str, Any],
) -> dict[str, Any]:
    left, top, right, bottom = place.rect
    crop = f"box-{page:04d}-{place.n:03d}.jpg"
    write_jpeg(gray[max(0, top) : bottom, max(0, left) : right], folder / crop)
    key = request["key"]
    right_ones = None if key is None or place.n > len(key) else key[place.n - 1]
    return {
        "n": place.n, "sheet": place.sheet, "page": page, "bbox": list(place.rect),
        "status": verdict.status.value, "value": verdict.value, "confidence": verdict.confidence,
        "digits": [
            {"char": one.char, "confidence": one.confidence, "bbox": list(one.rect)}
            for one in verdict.symbols
        ],
        "others": list(verdict.others), "doubts": list(verdict.doubts),
        "right": _right(verdict, right_ones, exact=request["compare"] == "text"), "crop": crop,
    }  # fmt: skip


def _right(verdict: Verdict, right_ones: list[str] | None, *, exact: bool) -> bool | None:
    if right_ones is None or verdict.status in {Status.AMBIGUOUS, Status.LOW_CONFIDENCE}:
        return None
    return verdict.value is not None and is_right(verdict.value, right_ones, exact=exact)
