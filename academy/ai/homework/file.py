"""`ai.homework_video` in the confined child: steady views, then the pages that they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from academy.ai.homework.contact import contact_sheet
from academy.ai.homework.limits import CANDIDATES, MAX_PAGES, MAX_VIEWS, RATE
from academy.ai.homework.merging import Seen, best_of, grouped
from academy.ai.homework.page import Picture, ink_of, page_of
from academy.ai.homework.views import steady_views
from academy.sandbox.child import Refused

_CONTACT: Final = "contact.jpg"
_QUALITY: Final = 88


def views(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Find the steady views in the small pictures of ``request["frames"]``.

    They are ``width`` by ``height``. Returns ``{"count", "views"}``: how many pictures there are,
    and of each view its first picture and those that may be its best.
    """
    del folder
    cv2.setNumThreads(1)
    width, height = request["width"], request["height"]
    raw = np.memmap(request["frames"], np.uint8, mode="r")
    count = len(raw) // (width * height)
    frames = raw[: count * width * height].reshape(count, height, width)
    found = steady_views(frames, candidates=CANDIDATES)
    say(1.0)
    if not found:
        raise Refused("homework_no_pages")
    if len(found) > MAX_VIEWS:
        raise Refused("homework_too_many_pages", pages=len(found), limit=MAX_PAGES)
    return {"count": count, "views": [{"first": v.first, "best": list(v.best)} for v in found]}


def pages(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """The pages of views: straight, clean, each once, with its ink.

    ``request`` has the ``views`` and, by number, the names of the large ``pictures``, which lie in
    the folder. Writes ``page-0001.jpg``, … and the contact sheet.
    """
    cv2.setNumThreads(1)
    seen: list[Seen] = []
    firsts: dict[int, float] = {}
    for at, view in enumerate(request["views"]):
        pictures = [
            Seen(number / RATE, page)
            for number in view["best"]
            if (name := request["pictures"].get(str(number))) is not None
            and (page := page_of(_picture(folder / name))) is not None
        ]
        if pictures:
            best = best_of(pictures)
            firsts[id(best)] = view["first"] / RATE
            seen.append(best)
        say(0.8 * (at + 1) / len(request["views"]))
    groups = grouped(seen)
    if not groups:
        raise Refused("homework_no_pages")
    if len(groups) > MAX_PAGES:
        raise Refused("homework_too_many_pages", pages=len(groups), limit=MAX_PAGES)
    told = [_told(n, group, firsts, folder) for n, group in enumerate(groups, 1)]
    thumbnails = [
        (best_of(group).page.picture, one["t"], one["ink_ratio"])
        for group, one in zip(groups, told, strict=True)
    ]
    _write(contact_sheet(thumbnails), folder / _CONTACT)
    say(1.0)
    return {"pages": told}


def _told(n: int, group: list[Seen], firsts: dict[int, float], folder: Path) -> dict[str, Any]:
    best = best_of(group)
    ink = ink_of(best.page)
    name = f"page-{n:04d}.jpg"
    _write(best.page.picture, folder / name)
    height, width = best.page.picture.shape[:2]
    return {
        "n": n, "t": round(best.at, 2), "shown": [round(firsts[id(one)], 2) for one in group],
        "picture": name, "width": width, "height": height,
        "ink_ratio": round(ink.ratio, 4), "ink_share": round(ink.density, 4),
        "covered": round(best.page.covered_share, 4), "edges_found": best.page.found,
    }  # fmt: skip


def _picture(path: Path) -> Picture:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise Refused("video_damaged")
    return np.asarray(picture, np.uint8)


def _write(picture: Picture, path: Path) -> None:
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("the picture cannot be encoded")
    path.write_bytes(encoded.tobytes())
