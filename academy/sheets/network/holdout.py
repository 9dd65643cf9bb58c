"""The sheets that a network is judged on: never trained on, and of every capture and hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from academy.sheets.network.examples import LAYOUTS
from academy.sheets.reading.engine import Reader
from academy.sheets.synthetic.captures import Capture
from academy.sheets.synthetic.judge import judge
from academy.sheets.synthetic.sheets import Sample, sample
from academy.sheets.synthetic.streams import Stream
from academy.sheets.synthetic.students import Hand


def samples(
    how: Capture, hand: Hand, count: int, *, stream: Stream = Stream.HOLDOUT, first: int = 0
) -> Iterator[Sample]:
    """Sheets of one capture and hand, over all layouts in turn."""
    for seed in range(first, first + count):
        yield sample(LAYOUTS[seed % len(LAYOUTS)], stream, seed, hand=hand, how=how)


def reports(
    network: Path | None,
    count: int,
    *,
    stream: Stream = Stream.HOLDOUT,
    hands: tuple[Hand, ...] = (Hand.CLEAN, Hand.HARD),
) -> dict[str, dict[str, Any]]:
    """The reader's figures on so many sheets of each set, named ``capture/hand``.

    `network` is the model's path; None measures darkness alone.
    """
    reader = Reader(network)
    return {
        f"{how.value}/{hand.value}": judge(
            samples(how, hand, count, stream=stream), reader
        ).to_json()
        for how in Capture
        for hand in hands
    }
