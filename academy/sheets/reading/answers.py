"""From groups of bubbles to answers and to the student's number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from academy.sheets.layout import Group, GroupKind, QuestionKind
from academy.sheets.reading.results import Answer, GroupReading, Identifier, Status, status_of


def answers_of(groups: Sequence[Group], readings: Sequence[GroupReading]) -> tuple[Answer, ...]:
    """One answer for each question of these groups, in the order of their numbers."""
    pairs = [
        pair
        for pair in zip(groups, readings, strict=True)
        if pair[0].kind is not GroupKind.IDENTIFIER
    ]
    answers = []
    for number, run in groupby(pairs, key=lambda pair: pair[0].number):
        places = list(run)
        if places[0][0].kind is GroupKind.NUMERIC:
            answers.append(_numeric(number, [reading for _, reading in places]))
        else:
            reading = places[0][1]
            answers.append(
                Answer(
                    number, QuestionKind.CHOICE, reading.values, reading.status, reading.confidence
                )
            )
    return tuple(answers)


def _numeric(number: int, places: list[GroupReading]) -> Answer:
    """The number in the decimal places, of which leading ones may be empty."""
    confidence = _joint(places)
    if any(len(place.values) > 1 for place in places):
        return Answer(number, QuestionKind.NUMERIC, (), status_of(2, confidence), confidence)
    text = "".join(str(place.values[0]) if place.values else " " for place in places).lstrip()
    if not text:
        return Answer(number, QuestionKind.NUMERIC, (), status_of(0, confidence), confidence)
    if " " in text:
        # A gap within, or an empty last place: 1_2 and 12_ are no numbers anybody meant.
        return Answer(number, QuestionKind.NUMERIC, (), Status.AMBIGUOUS, confidence)
    return Answer(number, QuestionKind.NUMERIC, (int(text),), status_of(1, confidence), confidence)


def identifier_of(groups: Sequence[Group], readings: Sequence[GroupReading]) -> Identifier:
    """The student's number, with ``?`` for every place that is not certainly one digit."""
    places = [
        reading
        for group, reading in zip(groups, readings, strict=True)
        if group.kind is GroupKind.IDENTIFIER
    ]
    digits = "".join(str(place.values[0]) if place.status is Status.OK else "?" for place in places)
    confidence = _joint(places)
    if all(place.status is Status.OK for place in places):
        status = Status.OK
    elif all(place.status is Status.BLANK for place in places):
        status = Status.BLANK
    elif any(place.status is Status.MULTI for place in places):
        status = Status.MULTI
    elif all(len(place.values) == 1 for place in places):
        status = Status.LOW_CONFIDENCE
    else:
        status = Status.AMBIGUOUS
    return Identifier(digits, status, confidence, tuple(place.confidence for place in places))


def _joint(places: Sequence[GroupReading]) -> float:
    """As sure as the least certain place: a person looks at all of them anyway."""
    return min(place.confidence for place in places)
