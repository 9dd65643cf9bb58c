"""A stack of filled sheets of your own design, as a scanner hands it over.

    python -m academy.sheets.synthetic --layout layout.json --key 3,1,4,12 \
        --numbers 00001236,00002135 --out box.pdf --truth truth.json

For trying an examination before it is held. `--layout` is the `layout` of a design, `--key` the
right answer of each question. A student of each number fills all pages, the best one first; most of
them with a felt pen and care, the others in a hurry and with any pen. `--truth` tells what each of
them meant: ``[{"number", "hurried", "answers": [3, 1, 4, 7], "right": 3}]``.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from academy.sheets.layout import Group, GroupKind, Layout, Question, QuestionKind, pages_of
from academy.sheets.synthetic.captures import Capture, capture
from academy.sheets.synthetic.marks import Mark, Pen
from academy.sheets.synthetic.prints import print_and_fill
from academy.sheets.synthetic.streams import Stream, rng_of
from academy.sheets.synthetic.students import Filled, Hand, Placed, fill

_DPI: Final = 150
_BEST, _WORST = 0.95, 0.35
_FELT = Pen(0.92, 1.05, (25, 22, 22), 0.0)


class Classroom:
    """Students who sit an examination on sheets of one layout.

    Args:
        layout: The sheet.
        key: The right answer of each question, in order.
        hurried: The share of students who do not fill their bubbles with care.
        seed: The same seed gives the same stack.

    Raises ValueError where key and layout do not fit.
    """

    def __init__(self, layout: Layout, key: list[int], *, hurried: float, seed: int) -> None:
        if len(key) != len(layout.questions):
            raise ValueError(f"{len(key)} right answers for {len(layout.questions)} questions")
        for question, right in zip(layout.questions, key, strict=True):
            if right not in _possible(question):
                raise ValueError(f"question {question.number} has no answer {right}")
        self._layout = layout
        self._key = key
        self._hurried = hurried
        self._seed = seed

    def sits(self, number: str, rank: float) -> tuple[list[Image.Image], dict[str, Any]]:
        """The scanned pages of a student, and what they meant.

        ``rank`` is 0 for the best of the class and 1 for the last. Raises ValueError where the
        number does not fit the sheet.
        """
        digits = self._layout.identifier_digits
        if len(number) != digits or not (number.isascii() and number.isdecimal()):
            raise ValueError(f"{number!r} has not {digits} digits")
        rng = rng_of(Stream.TRIAL, self._seed, int(number))
        hurried = bool(rng.random() < self._hurried)
        answers = self._answers(_BEST - (_BEST - _WORST) * rank, rng)
        scans = []
        for page in pages_of(self._layout):
            hand = fill(page, Hand.HARD if hurried else Hand.CLEAN, rng)
            marks = [
                mark
                for group in page.groups
                for mark in _marks(group, hand, _value(group, number, answers, self._layout))
            ]
            filled = Filled(hand.pen if hurried else _FELT, tuple(marks), {}, {})
            paper = print_and_fill(self._layout, page.number, filled, _DPI, rng)
            scan = Image.open(io.BytesIO(capture(paper, Capture.CLEAN_SCAN, rng)))
            scans.append(scan.convert("L"))
        right = sum(given == wanted for given, wanted in zip(answers, self._key, strict=True))
        return scans, {"number": number, "hurried": hurried, "answers": answers, "right": right}

    def _answers(self, skill: float, rng: np.random.Generator) -> list[int]:
        return [
            wanted if rng.random() < skill else _other(question, wanted, rng)
            for question, wanted in zip(self._layout.questions, self._key, strict=True)
        ]


def _other(question: Question, wanted: int, rng: np.random.Generator) -> int:
    return int(rng.choice([value for value in _possible(question) if value != wanted]))


def _possible(question: Question) -> range:
    if question.kind is QuestionKind.NUMERIC:
        return range(10**question.digits)
    return range(1, question.choices + 1)


def _value(group: Group, number: str, answers: list[int], layout: Layout) -> int:
    """The bubble that the student means; a numeric answer has zeros before it."""
    if group.kind is GroupKind.IDENTIFIER:
        return int(number[group.position])
    given = answers[group.number - 1]
    if group.kind is GroupKind.NUMERIC:
        digits = layout.questions[group.number - 1].digits
        return int(f"{given:0{digits}}"[group.position])
    return given


def _marks(group: Group, hand: Filled, value: int) -> list[Placed]:
    """The student's own way of marking, on the bubble that they mean.

    The number is marked with care: a sheet of nobody would only show what people are for.
    """
    if group.kind is GroupKind.IDENTIFIER:
        return [Placed(group.key, value, Mark.FULL)]
    way = [placed for placed in hand.placed if placed.group == group.key]
    undone = [placed for placed in way if not placed.mark.counts and placed.value != value]
    given = [placed.mark for placed in way if placed.mark.counts]
    return [*undone, Placed(group.key, value, given[0] if given else Mark.FULL)]


def main(arguments: list[str] | None = None) -> int:
    """Write the stack and what is true of it; 2 with a sentence where they do not fit."""
    parser = argparse.ArgumentParser(prog="python -m academy.sheets.synthetic")
    parser.add_argument("--layout", type=Path, required=True, help="the layout of a design, JSON")
    parser.add_argument("--key", required=True, help="right answers, with commas")
    parser.add_argument("--numbers", required=True, help="students, best first, with commas")
    parser.add_argument("--hurried", type=float, default=0.2, help="share of careless students")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="the scanner's PDF")
    parser.add_argument("--truth", type=Path, help="what was meant, JSON")
    options = parser.parse_args(arguments)
    numbers = options.numbers.split(",")
    try:
        layout = Layout.model_validate_json(options.layout.read_text(encoding="utf-8"))
        key = [int(value) for value in options.key.split(",")]
        classroom = Classroom(layout, key, hurried=options.hurried, seed=options.seed)
        sat = [
            classroom.sits(number, index / max(1, len(numbers) - 1))
            for index, number in enumerate(numbers)
        ]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    first, *rest = [page for pages, _ in sat for page in pages]
    first.save(options.out, save_all=True, append_images=rest, resolution=_DPI)
    if options.truth:
        options.truth.write_text(json.dumps([truth for _, truth in sat]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
