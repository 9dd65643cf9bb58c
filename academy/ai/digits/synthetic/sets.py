"""The sets that a network is judged on: numbers of clean hands, and what is no number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from academy.ai.digits.synthetic.boxes import Sample, Written, sample
from academy.ai.digits.synthetic.judge import Scorer, judge, seen
from academy.ai.digits.synthetic.streams import Stream

PLAIN = "-."
"""The signs that are read where fractions are not asked for."""
_BOXES = 5


def samples(stream: Stream, what: Written, count: int, *, fractions: bool) -> Iterator[Sample]:
    """So many boxes, of a new writer every five."""
    for number in range(count):
        yield sample(stream, number // _BOXES, number % _BOXES, what=what, fractions=fractions)


def reports(
    network: Scorer, count: int, *, threshold: float, stream: Stream = Stream.HOLDOUT
) -> dict[str, dict[str, Any]]:
    """The figures of every set, of so many boxes each."""
    found = {}
    for what in Written:
        fractions = what is Written.NUMBER
        sets = {what.value: (False, PLAIN)}
        if fractions:
            sets["fraction"] = (True, PLAIN + "/")
        for name, (with_slash, allowed) in sets.items():
            boxes = samples(stream, what, count, fractions=with_slash)
            found[name] = judge(
                seen(boxes), network, threshold=threshold, allowed=allowed
            ).to_json()
    return found
