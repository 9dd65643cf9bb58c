"""Which of the problems that a model claims can be kept. Pure, but for the proofs themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

from academy.ai.language.forms import filled
from academy.ai.language.generation.prompt import Check, Claimed
from academy.ai.language.texts import canonical, formula, is_formula, number, printable

MAX_BODY: Final = 2_000
MAX_CHOICE: Final = 300
_MOST_EQUATIONS: Final = 4
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_WORK: Final = re.compile(r"[+*/%(]|(?<=[\w)])-")


def sorted_out(
    content: dict[str, Any], *, count: int, choices: int, known: Collection[str]
) -> tuple[list[Claimed], list[str]]:
    """The problems of a reply that have a sound form, and why each of the others has not."""
    listed = content.get("items")
    if set(content) != {"items"} or not isinstance(listed, list):
        return [], ["form"]
    sound: list[Claimed] = []
    dropped: list[str] = []
    seen = {canonical(body) for body in known}
    for one in listed[: 2 * count]:
        claimed = filled(Claimed, one) if isinstance(one, dict) else None
        if (flaw := _flaw(claimed, choices, seen)) is not None:
            dropped.append(flaw)
        elif claimed is not None:
            seen.add(canonical(claimed.body))
            sound.append(claimed)
    return sound, dropped


def _flaw(claimed: Claimed | None, choices: int, seen: Collection[str]) -> str | None:
    if claimed is None or not _is_shown(claimed.body, MAX_BODY):
        return "form"
    if not all(_is_shown(choice, MAX_CHOICE) for choice in claimed.choices):
        return "form"
    distinct = {canonical(choice) for choice in claimed.choices}
    if len(claimed.choices) != choices or len(distinct) != choices:
        return "choices"
    if not 0 < claimed.answer <= choices:
        return "choices"
    return "again" if canonical(claimed.body) in seen else None


def _is_shown(text: str, longest: int) -> bool:
    try:
        printable(text)
    except ValueError:
        return False
    return 0 < len(text.strip()) <= longest


def to_prove(claimed: Claimed) -> dict[str, Any]:
    """What `checks.prove` is given of a problem."""
    formulas = [formula(choice) for choice in claimed.choices]
    check = claimed.check
    if check is not None and not _is_of_the_problem(check, claimed.body):
        check = None
    return {
        "choices": [text if is_formula(text) else None for text in formulas],
        "answer": claimed.answer - 1,
        "check": None if check is None else check.model_dump(),
    }


def verdict_at_sight(item: dict[str, Any]) -> str | None:
    """What `checks.prove` would say of an item, where that needs no algebra."""
    formulas = [text for text in item["choices"] if text is not None]
    values = [number(text) for text in formulas]
    known = [value for value in values if value is not None]
    if len(set(known)) < len(known):
        return "ambiguous"
    return "unproved" if item["check"] is None and len(known) == len(values) else None


def _is_of_the_problem(check: Check, body: str) -> bool:
    """Whether a calculation can prove anything: it works, and with the numbers of the problem.

    A model that claims a wrong answer could give that answer itself as its calculation.
    """
    if len(check.equations) > _MOST_EQUATIONS:
        return False
    if not check.equations and not _WORK.search(check.asked.strip()):
        return False
    used = _numbers([*check.equations, check.asked])
    return bool(used) and len(used & _numbers([body])) * 2 >= len(used)


def _numbers(texts: Sequence[str]) -> set[str]:
    return {found for text in texts for found in _NUMBER.findall(canonical(text))}
