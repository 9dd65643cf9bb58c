"""Wrong notes as the sandbox calls them: the papers are strangers' files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from academy.ai.notes.booklet import Layout, Question, write
from academy.ai.notes.cutting import Cut, PdfCut, PictureCut, cut
from academy.ai.notes.results import NOTES
from academy.ai.pages.document import Document, Pdf, opened
from academy.sandbox.child import Refused

_SLACK: Final = 2
"""Pixels by which a bbox may lie over the edge: rounding."""


def make(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Write ``wrong-notes.pdf``.

    ``request`` has ``questions`` (each ``path``, ``parts`` of a page and a bbox or null, ``number``
    and the rest of `Question`) and ``layout``. Returns ``{"pages", "as_text", "as_picture",
    "replaced"}``, of questions without shared texts.

    Raises Refused: notes_page_missing, notes_box_outside, and what opening a document does.
    """
    asked = request["questions"]
    questions: list[Question] = []
    replaced = 0
    with ExitStack() as stack:
        documents: dict[str, Document] = {}
        for index, wanted in enumerate(asked, 1):
            path = wanted["path"]
            if path not in documents:
                documents[path] = stack.enter_context(opened(Path(path)))
            cuts = [
                _cut(documents[path], index, page, bbox, folder / f"question-{index}-{at}.jpg")
                for at, (page, bbox) in enumerate(wanted["parts"])
            ]
            is_picture = any(isinstance(one, PictureCut) for one in cuts)
            replaced += isinstance(documents[path], Pdf) and is_picture
            label = wanted["number"] if wanted["shared"] else f"{wanted['number']}."
            rest = ("student_answer", "correct_answer", "note", "shared", "heading")
            questions.append(Question(label, cuts, **{key: wanted[key] for key in rest}))
            say(0.8 * index / len(asked))
        pages = write(folder / NOTES, questions, Layout(**request["layout"]))
    solved = [question.cuts for question in questions if not question.shared]
    as_text = sum(all(isinstance(one, PdfCut) for one in cuts) for cuts in solved)
    say(1)
    return {
        "pages": pages,
        "as_text": as_text,
        "as_picture": len(solved) - as_text,
        "replaced": replaced,
    }


def _cut(
    document: Document, index: int, page: int, bbox: Sequence[int] | None, target: Path
) -> Cut:
    if page > document.pages:
        raise Refused("notes_page_missing", question=index, page=page, pages=document.pages)
    size = document.size(page)
    left, top, right, bottom = bbox or (0, 0, size.width, size.height)
    if right > size.width + _SLACK or bottom > size.height + _SLACK:
        raise Refused("notes_box_outside", question=index, width=size.width, height=size.height)
    share = (
        left / size.width, top / size.height,
        min(1.0, right / size.width), min(1.0, bottom / size.height),
    )  # fmt: skip
    return cut(document, page, share, target)
