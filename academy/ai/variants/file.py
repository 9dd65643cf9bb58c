"""Problem variants as the sandbox calls them: SymPy can be made to hang by a formula."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from academy.ai.variants.draw import Drawn, Item, Session, draw
from academy.ai.variants.results import WORKSHEET
from academy.ai.variants.template import Template
from academy.ai.variants.worksheet import worksheet_pdf
from academy.sandbox.child import Refused


def make(request: dict[str, Any], folder: Path, say: Callable[[float], None]) -> dict[str, Any]:
    """Draw the problems that ``request`` asks for.

    It has ``problems`` (each ``name``, ``template`` and ``count``), ``choices``, ``seed``,
    ``worksheet`` and ``title``. Returns ``{"items", "templates"}``, and writes ``worksheet.pdf``
    where it is wanted. Raises Refused: variants_impossible, variants_unproved, variants_choices.
    """
    choices = request["choices"]
    session = Session(request["seed"], choices)
    items: list[Item] = []
    told: list[dict[str, Any]] = []
    asked = request["problems"]
    for done, wanted in enumerate(asked):
        template = Template.model_validate(wanted["template"])
        drawn = draw(wanted["name"], template, wanted["count"], session)
        _refuse(wanted["name"], drawn, choices)
        items += drawn.items
        told.append(drawn.as_dict(wanted["name"]))
        say(0.9 * (done + 1) / len(asked))
    if request["worksheet"]:
        worksheet_pdf(folder / WORKSHEET, items, request["title"])
    say(1)
    return {
        "items": [item.as_dict(number) for number, item in enumerate(items, 1)],
        "templates": told,
    }


def _refuse(name: str, drawn: Drawn, choices: int) -> None:
    """A template whose answer is wrong even once is wrong; one without a problem is no help."""
    if drawn.lost["unproved"]:
        raise Refused("variants_unproved", template=name)
    if drawn.items:
        return
    if drawn.lost["choices"]:
        raise Refused("variants_choices", template=name, choices=choices)
    raise Refused("variants_impossible", template=name)
