"""What of an unfinished lecture can be played follows from what is finished, without a hole."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from academy.video import early, fmp4, pieces, playlist
from academy.video.handlers import losses


def part(number: int, *, init: str = "same") -> pieces.Part:
    """Two segments of 4 s at 10 frames a second."""
    names = tuple(f"480p_{2 * number + offset:05d}.m4s" for offset in range(2))
    return pieces.Part(
        piece=f"chunk-{number:04d}", prefix=f"t/p{number}/",
        init=fmp4.Init("avc1.64001F", 10, 854, 480), init_name="480p_init.mp4", init_sha256=init,
        init_size=800, names=names, durations=("4.000000", "4.000000"), sizes=(500, 600),
        samples=80, first_decode_time=10 + 80 * number, end_decode_time=90 + 80 * number,
        shown_time=10 + 80 * number,
    )  # fmt: skip


OUTLINE: Any = SimpleNamespace(pieces=tuple(f"chunk-{number:04d}" for number in range(4)))


@pytest.mark.parametrize(
    ("finished", "playable"),
    [([], 0), ([1], 0), ([0], 1), ([0, 2, 3], 1), ([0, 1, 3], 2), ([0, 1, 2, 3], 4)],
)
def test_it_ends_at_the_first_hole(finished: list[int], playable: int) -> None:
    parts = {part(number).piece: part(number) for number in finished}
    assert [one.piece for one in early._run(OUTLINE, parts)] == list(OUTLINE.pieces[:playable])


def test_a_piece_that_does_not_fit_waits_for_the_join_to_have_it_made_again() -> None:
    parts = {part(number).piece: part(number) for number in range(4)}
    parts["chunk-0002"] = part(2, init="another")
    assert len(early._run(OUTLINE, parts)) == 2
    parts["chunk-0002"] = replace(part(2), first_decode_time=171)
    assert len(early._run(OUTLINE, parts)) == 2


def test_sound_is_cut_to_whole_segments_and_never_to_nothing() -> None:
    sound = replace(part(0), durations=("4.010667", "3.989333"))
    assert len(early._cut(sound, Decimal(4)).names) == 1
    assert len(early._cut(sound, Decimal(8)).names) == 2
    assert len(early._cut(sound, Decimal(1)).names) == 1


def test_an_event_playlist_keeps_its_target_and_has_no_end_before_the_end() -> None:
    rendition = pieces.joined("480p", [part(0)])
    open_list = replace(rendition.media, ended=False)
    text = playlist.media(open_list, kind="EVENT", target=10)
    assert "#EXT-X-TARGETDURATION:10\n" in text
    assert "#EXT-X-ENDLIST" not in text
    assert "/t/p0/480p_00000.m4s" in text


def test_the_result_names_the_faulty_chunks_and_counts_each_error_once() -> None:
    names = [("early-0000", 0), ("audio", None), ("chunk-0000", 0), ("chunk-0001", 1)]
    made: Any = SimpleNamespace(
        pieces=[SimpleNamespace(name=name, chunk=chunk) for name, chunk in names],
        chunks=[SimpleNamespace(number=n, first=80 * n, end=80 * n + 80) for n in range(2)],
        plan=SimpleNamespace(grid=SimpleNamespace(rate=10)),
    )
    errors = {"early-0000": 3, "audio": 7, "chunk-0000": 3, "chunk-0001": 0}
    rows: Any = {name: SimpleNamespace(facts={"errors": count}) for name, count in errors.items()}
    assert losses.damaged_chunks(made, rows) == [{"chunk": 0, "from": 0.0, "to": 8.0, "errors": 3}]
