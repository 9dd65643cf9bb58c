"""A whole made-up sheet: printed, filled and captured, with what is true of it."""

from __future__ import annotations

from dataclasses import dataclass

from academy.sheets.layout import Layout, pages_of
from academy.sheets.synthetic.captures import Capture, capture
from academy.sheets.synthetic.prints import print_and_fill
from academy.sheets.synthetic.streams import Stream, rng_of
from academy.sheets.synthetic.students import Filled, Hand, fill

_DPI = 200
_HIDDEN = 0.05


@dataclass(frozen=True)
class Sample:
    """One captured page. `filled.truth` holds the values meant, by the key of the group."""

    jpeg: bytes
    layout: Layout
    page: int
    filled: Filled
    hand: Hand
    capture: Capture
    hidden_marker: int | None
    seed: int

    @property
    def name(self) -> str:
        """What it is and how to make it again."""
        return f"{self.capture.value}/{self.hand.value} {self.layout.fingerprint} seed {self.seed}"


def sample(
    layout: Layout,
    stream: Stream,
    seed: int,
    *,
    hand: Hand,
    how: Capture,
    page: int = 1,
    hide_marker: bool | None = None,
) -> Sample:
    """The sheet of this seed. Without a wish, a finger covers one marker on 5 % of photos."""
    rng = rng_of(stream, seed, page, list(Hand).index(hand), list(Capture).index(how))
    filled = fill(pages_of(layout)[page - 1], hand, rng)
    paper = print_and_fill(layout, page, filled, _DPI, rng)
    photo = how in {Capture.PHOTO, Capture.HARD_PHOTO}
    hides = (photo and rng.random() < _HIDDEN) if hide_marker is None else hide_marker
    hidden = int(rng.integers(4)) if hides else None
    return Sample(
        jpeg=capture(paper, how, rng, hide_marker=hidden),
        layout=layout, page=page, filled=filled, hand=hand, capture=how, hidden_marker=hidden,
        seed=seed,
    )  # fmt: skip
