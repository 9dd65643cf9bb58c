"""The doubtful rows of a file as a larger network wants them: called by the sandbox.

Only cutting is done here, beside the stranger's file. The network runs in the worker, on its GPU
where it has one, over the arrays that this leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from academy.sandbox.child import Refused
from academy.sheets.layout import Group, GroupKind, Layout
from academy.sheets.network.inputs import planes_of, scalars_of
from academy.sheets.reading import decode
from academy.sheets.reading.align import Floats, Pixels
from academy.sheets.reading.engine import Reader, out_of_place
from academy.sheets.reading.page import PageGroups, locate
from academy.sheets.reading.patches import features_of, ink_of
from academy.sheets.reading.results import SheetError
from academy.sheets.reading.threshold import LONE, caution, marked_shares, measure

ARRAYS: Final = "inputs.npz"


class Asked(BaseModel):
    """Rows of one page of the file: questions by number, and whether the student's number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: int = Field(ge=1)
    questions: tuple[int, ...] = ()
    identifier: bool = False

    def wants(self, group: Group) -> bool:
        """Whether a group belongs to these rows."""
        if group.kind is GroupKind.IDENTIFIER:
            return self.identifier
        return group.number in self.questions


class Request(BaseModel):
    """What the sandbox is asked; `layouts` and `network` as for the first reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    layouts: tuple[Layout, ...] = Field(min_length=1)
    network: Path
    pages: tuple[Asked, ...]


def cut(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Cut the rows; see `Request`.

    Returns ``{"pages": [{"index", "page", "groups": [{"key", "values", "first", "unsettled"}]}]}``
    for the pages that were found again. ``values`` are those of its bubbles, ``first`` those that
    the first reading takes for marked. ``unsettled`` says that no network can settle the group:
    somebody else's colour lies in it, or all that lies in it is faint, the rest of an erasure or
    a mark. The arrays of all bubbles in that order, ``planes`` and ``scalars``, lie in the folder
    as ``inputs.npz``.
    """
    cv2.setNumThreads(1)
    try:
        asked = Request.model_validate(request)
    except ValidationError as error:
        raise Refused("sheet_layout_invalid") from error
    layouts = {layout.fingerprint: layout for layout in asked.layouts}
    pages, planes, scalars = [], [], []
    reader = Reader(asked.network)
    for number, rows in enumerate(asked.pages, start=1):
        for scanned in decode.pages(asked.file, rows.index, rows.index):
            if scanned.picture is None:
                continue
            try:
                located = locate(scanned.picture, layouts)
            except SheetError:
                continue
            first = reader.read(scanned.picture, located)
            found = groups_of(scanned.picture, first, rows.wants)
            pages.append({"index": rows.index, "page": located.page.number, "groups": found.groups})
            planes.append(found.planes)
            scalars.append(found.scalars)
        say(number / len(asked.pages))
    np.savez(
        folder / ARRAYS,
        planes=np.concatenate(planes) if planes else np.zeros(0, np.float16),
        scalars=np.concatenate(scalars) if scalars else np.zeros(0, np.float32),
    )
    return {"pages": pages}


@dataclass(frozen=True)
class Cut:
    """Groups of a page as `cut` tells them, and the network's inputs of all their bubbles."""

    groups: list[dict[str, Any]]
    planes: npt.NDArray[np.float16]
    scalars: Floats


def groups_of(pixels: Pixels, first: PageGroups, wants: Callable[[Group], bool]) -> Cut:
    """The wanted groups of a page that was read once."""
    page = first.located.page
    ink = ink_of(pixels, first.located.alignment, page)
    features = features_of(ink.patches, page)
    sheet = measure(features, page.groups)
    odd = out_of_place(ink, marked_shares(features, sheet, page.groups), page.groups)
    odd |= caution(features, sheet, page.groups) == LONE
    sizes = [len(group.bubbles) for group in page.groups]
    starts = np.cumsum([0, *sizes])[:-1]
    wanted = [wants(group) for group in page.groups]
    chosen = np.repeat(wanted, sizes)
    groups = [
        {
            "key": group.key,
            "values": [bubble.value for bubble in group.bubbles],
            "first": list(reading.values),
            "unsettled": bool(odd[start : start + len(group.bubbles)].any()),
        }
        for group, reading, start, want in zip(
            page.groups, first.readings, starts, wanted, strict=True
        )
        if want
    ]
    return Cut(
        groups,
        planes_of(ink.patches[chosen], sheet).astype(np.float16),
        scalars_of(features, sheet, page.groups)[chosen],
    )
