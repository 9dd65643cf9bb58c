"""The sheets that a network is judged on: never trained on, and of every capture and hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from academy.sheets.network.examples import LAYOUTS
from academy.sheets.synthetic.captures import Capture
from academy.sheets.synthetic.judge import Reads, judge
from academy.sheets.synthetic.sheets import Sample, sample
from academy.sheets.synthetic.streams import Stream
from academy.sheets.synthetic.students import Hand


def samples(
    how: Capture, hand: Hand, count: int, *, stream: Stream = Stream.HOLDOUT, first: int = 0
) -> Iterator[Sample]:
    """Sheets of one capture and hand, over all layouts in turn."""
    for seed in range(first, first + count):
        yield sample(LAYOUTS[seed % len(LAYOUTS)], stream, seed, hand=hand, how=how)


def sets(
    count: int,
    *,
    stream: Stream = Stream.HOLDOUT,
    hands: tuple[Hand, ...] = tuple(Hand),
) -> dict[str, list[Sample]]:
    """So many sheets of each set, named ``capture/hand``: made once, read by every candidate."""
    return {
        f"{how.value}/{hand.value}": list(samples(how, hand, count, stream=stream))
        for how in Capture
        for hand in hands
    }


def reports(reader: Reads, sheets: Mapping[str, Iterable[Sample]]) -> dict[str, dict[str, Any]]:
    """The reader's figures on each set."""
    return {name: judge(of_set, reader).to_json() for name, of_set in sheets.items()}
