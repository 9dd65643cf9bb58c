"""The reader as the sandbox calls it: one file, some of its pages, to readings and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from academy.sandbox.child import Refused
from academy.sheets.layout import Layout
from academy.sheets.reading import decode, pictures
from academy.sheets.reading.align import Pixels
from academy.sheets.reading.answers import answers_of, identifier_of
from academy.sheets.reading.decode import FilePage
from academy.sheets.reading.engine import Reader
from academy.sheets.reading.page import PageGroups, locate
from academy.sheets.reading.results import (
    PageReading,
    SheetError,
    Status,
    failed,
)


class Request(BaseModel):
    """What the sandbox is asked.

    `layouts` are the layouts (as JSON objects) that a page may be printed from. Pages `first` to
    `last` of the file are read; without `last`, to its end. `network` is the path of the model
    for hard marks; without it darkness alone decides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    layouts: tuple[Layout, ...] = Field(min_length=1)
    first: int = Field(default=1, ge=1)
    last: int | None = None
    overlays: bool = True
    crops: bool = True
    network: Path | None = None


def count(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, int]:  # noqa: ARG001
    """Pages of the file ``request["file"]``, as ``{"pages": n}``."""
    return {"pages": decode.page_count(Path(request["file"]))}


def count_all(
    request: dict[str, Any],
    folder: Path,  # noqa: ARG001
    say: Callable[[float], None],
) -> dict[str, int]:
    """Pages of each file of ``request["files"]``, a path by name; refused with the first's code."""
    files: dict[str, str] = request["files"]
    counts = {}
    for number, (name, path) in enumerate(files.items(), start=1):
        try:
            counts[name] = decode.page_count(Path(path))
        except Refused as refused:
            raise Refused(refused.code, **refused.params, file=name) from None
        say(number / len(files))
    return counts


def read(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Read pages of a file; see `Request`.

    Returns ``{"pages": [PageReading...], "timings_ms": {...}, "model": {...} | null}``. Overlays
    (``overlay-0001.jpg``) and crops (``crop-0001-q12.jpg``, ``crop-0001-id.jpg``) are written to
    the folder. Refuses files that cannot be opened; a page that cannot be read says why.
    """
    cv2.setNumThreads(1)
    try:
        asked = Request.model_validate(request)
    except ValidationError as error:
        raise Refused("sheet_layout_invalid") from error
    total = decode.page_count(asked.file)
    return _read(asked, min(total, asked.last or total), folder, say)


def _read(asked: Request, last: int, folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    reader = Reader(asked.network)
    layouts = {layout.fingerprint: layout for layout in asked.layouts}
    readings = []
    started = perf_counter()
    for scanned in decode.pages(asked.file, asked.first, last):
        readings.append(_page(scanned, layouts, reader, asked, folder))
        say((scanned.index - asked.first + 1) / max(1, last - asked.first + 1))
    return {
        "pages": [reading.to_json() for reading in readings],
        "timings_ms": {"read": round((perf_counter() - started) * 1000)},
        "model": reader.model,
    }


def _page(
    scanned: FilePage, layouts: dict[str, Layout], reader: Reader, asked: Request, folder: Path
) -> PageReading:
    index, picture = scanned.index, scanned.picture
    if picture is None:
        return failed(index, scanned.error or SheetError("document_page_damaged", page=index))
    try:
        located = locate(picture, layouts)
    except SheetError as error:
        return failed(index, error)
    groups = reader.read(picture, located)
    page, readings = located.page, groups.readings
    result = PageReading(
        index=index,
        fingerprint=page.fingerprint,
        page=page.number,
        pages=page.count,
        identifier=identifier_of(page.groups, readings),
        answers=answers_of(page.groups, readings),
        markers=located.alignment.markers,
        engine=groups.engine,
    )
    if asked.crops:
        result = _with_crops(result, picture, groups, folder)
    if asked.overlays:
        name = f"overlay-{index:04d}.jpg"
        drawn = pictures.overlay(picture, located.alignment, page, readings)
        (folder / name).write_bytes(drawn)
        result = replace(result, overlay=name)
    return result


def _with_crops(
    result: PageReading, picture: Pixels, groups: PageGroups, folder: Path
) -> PageReading:
    """The same reading with a picture of every row that a person has to judge."""
    located = groups.located

    def cut(number: int) -> str:
        name = f"crop-{result.index:04d}-{f'q{number}' if number else 'id'}.jpg"
        rows = pictures.groups_of_question(located.page, number)
        (folder / name).write_bytes(pictures.crop(picture, located.alignment, rows))
        return name

    identifier = result.identifier
    if identifier is not None and identifier.status is not Status.OK:
        identifier = replace(identifier, crop=cut(0))
    answers = tuple(
        replace(answer, crop=cut(answer.question)) if answer.needs_review else answer
        for answer in result.answers
    )
    return replace(result, identifier=identifier, answers=answers)
