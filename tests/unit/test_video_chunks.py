"""How a lecture is cut: chunks tile its frames, and each has the bytes that it needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from academy.video import chunks
from academy.video.chunks import Chunk
from academy.video.ladder import FrameGrid
from academy.video.packets import Packets

THIRTY = FrameGrid(Fraction(30))
HEAD = (0, 64)
"""All of a file that is no media data; its packets begin behind it."""


def encoded(
    grid: FrameGrid, total: int, keys: Sequence[int], start: Fraction = Fraction(0)
) -> Packets:
    """A source with one packet a frame, ten bytes of pictures and ten of sound in turn."""
    found, begins = Packets(), set(keys)
    for frame in range(total):
        time = float(start + frame / grid.rate)
        flags = "K__" if frame in begins else "___"
        found.add(f"{time:.6f},{float(1 / grid.rate):.6f},10,{100 + 20 * frame},{flags}")
    return found


def size_of(total: int) -> int:
    return 100 + 20 * total


RATES = st.sampled_from(["10", "24000/1001", "25", "30", "60000/1001"])


@st.composite
def sources(draw: st.DrawFn) -> tuple[FrameGrid, int, list[int], Fraction]:
    """A rate, a number of frames, where its key frames are, and where its clock starts."""
    grid = FrameGrid(Fraction(draw(RATES)))
    gops = draw(st.lists(st.integers(1, 12 * round(grid.rate)), min_size=1, max_size=30))
    keys = [sum(gops[:number]) for number in range(len(gops))]
    start = draw(st.sampled_from([Fraction(0), Fraction(7, 5), Fraction(3600)]))
    return grid, sum(gops), keys, start


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 12)


def requires(made: Sequence[Chunk], total: int) -> None:
    """Chunks tile the frames exactly, in order, and the last one is known as such."""
    assert made[0].first == 0
    assert made[-1].end == total
    assert all(before.end == after.first for before, after in pairwise(made))
    assert [chunk.number for chunk in made] == list(range(len(made)))
    assert [chunk.is_last for chunk in made] == [False] * (len(made) - 1) + [True]


def holds(chunk: Chunk, position: int) -> bool:
    return any(start <= position and position + 10 <= end for start, end in chunk.ranges)


# ---------------------------------------------------------------- on the grid


@settings(max_examples=60, deadline=None)
@given(source=sources())
def test_chunks_tile_the_frames_and_have_the_bytes_to_decode_them(
    source: tuple[FrameGrid, int, list[int], Fraction],
) -> None:
    grid, total, keys, start = source
    packets = encoded(grid, total, keys, start)
    made = chunks.divide(grid, total, packets, start=start, size=size_of(total), outside=(HEAD,))

    requires(made, total)
    step = chunks.chunk_frames(grid)
    assert all(chunk.first % grid.segment_frames == 0 for chunk in made)
    assert all(chunk.frames == step for chunk in made[:-1])
    assert len(made) == 1 or step / 3 <= made[-1].frames < step * 4 / 3
    for chunk in made:
        before = max(key for key in keys if key <= chunk.first)
        needed = range(before, chunk.end)
        assert all(holds(chunk, packets.positions[frame]) for frame in needed)
        assert holds(chunk, HEAD[0]), "what says where the packets are"
        assert all(holds(chunk, packets.positions[n]) for n in range(min(40, total)))


@settings(max_examples=60, deadline=None)
@given(source=sources())
def test_seeking_finds_a_key_frame_at_or_before_the_chunk(
    source: tuple[FrameGrid, int, list[int], Fraction],
) -> None:
    grid, total, keys, start = source
    packets = encoded(grid, total, keys, start)
    made = chunks.divide(grid, total, packets, start=start, size=size_of(total), outside=(HEAD,))

    assert made[0].seek is None
    for chunk in made[1:]:
        if chunk.seek is None:
            # No key frame lies two frames before it or earlier but the first.
            continue
        found = [key for key in keys if packets.seconds(key) - start <= chunk.seek]
        assert found, "a seek to before the first key frame would begin at no picture"
        assert found[-1] <= chunk.first
        assert holds(chunk, packets.positions[found[-1]])


def test_a_chunk_needs_none_of_the_bytes_far_from_it() -> None:
    total, keys = 30 * 120, list(range(0, 30 * 120, 60))
    packets = encoded(THIRTY, total, keys)
    size = size_of(total)
    made = chunks.divide(THIRTY, total, packets, start=Fraction(0), size=size, outside=(HEAD,))
    wanted = [sum(end - start for start, end in chunk.ranges) for chunk in made]
    assert len(made) == 10
    assert max(wanted) < size / 6


def test_without_places_every_chunk_needs_the_whole_file() -> None:
    packets = encoded(THIRTY, 1200, [0, 600])
    made = chunks.divide(THIRTY, 1200, packets, start=Fraction(0), size=77_000, outside=None)
    assert {chunk.ranges for chunk in made} == {((0, 77_000),)}


@pytest.mark.parametrize(
    ("seconds", "ends"),
    [
        (1, [30]),
        (12, [360]),
        (15.9, [477]),  # a tail of less than a third belongs to the chunk before
        (16, [360, 480]),
        (27, [360, 810]),
    ],
)
def test_a_short_tail_is_no_chunk_of_its_own(seconds: float, ends: list[int]) -> None:
    total = round(30 * seconds)
    packets = encoded(THIRTY, total, [0])
    made = chunks.divide(
        THIRTY, total, packets, start=Fraction(0), size=size_of(total), outside=None
    )
    assert [chunk.end for chunk in made] == ends


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "60"])
def test_a_chunk_is_about_a_minute_of_whole_segments(
    rate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 60)
    grid = FrameGrid(Fraction(rate))
    frames = chunks.chunk_frames(grid)
    assert frames % grid.segment_frames == 0
    assert abs(frames / grid.rate - 60) <= grid.segment_seconds / 2


# ---------------------------------------------------------------- seeking


def test_the_time_asked_for_lies_a_little_after_the_key_frame() -> None:
    packets = encoded(THIRTY, 300, [0, 90])
    assert chunks.seek_to(packets, 90) == (3 + Fraction(1, 4), 90)
    assert chunks.seek_to(packets, 0) == (Fraction(1, 4), 0)


def test_between_key_frames_that_are_close_it_lies_in_the_middle() -> None:
    packets = encoded(THIRTY, 300, [0, 60, 66, 72])
    time, begin = chunks.seek_to(packets, 66)
    assert time == Fraction(23, 10)
    # An edit list may move the clock by as much as to find the one before: it is there too.
    assert begin == 0
    every = encoded(THIRTY, 300, range(300))
    time, begin = chunks.seek_to(every, 100)
    assert every.seconds(100) < time < every.seconds(101)
    assert begin == 85


# ---------------------------------------------------------------- at the source's key frames


@settings(max_examples=60, deadline=None)
@given(source=sources())
def test_chunks_of_a_copied_lecture_begin_at_its_key_frames(
    source: tuple[FrameGrid, int, list[int], Fraction],
) -> None:
    grid, total, keys, start = source
    packets = encoded(grid, total, keys, start)
    made = chunks.divide_at_keys(
        grid, total, packets, keys, start=start, size=size_of(total), outside=(HEAD,)
    )

    requires(made, total)
    numbered = 0
    for chunk in made:
        assert chunk.is_exact
        assert chunk.cuts[0] == chunk.first
        assert set(chunk.cuts) <= set(keys)
        assert sum(chunk.lengths) == chunk.frames
        assert chunk.segment(grid) == numbered
        numbered += len(chunk.cuts)
        assert all(
            holds(chunk, packets.positions[frame]) for frame in range(chunk.first, chunk.end)
        )
        if chunk.first:
            assert chunk.seek is not None
            found = [key for key in keys if packets.seconds(key) - start <= chunk.seek]
            assert found[-1] == chunk.first, "a copy begins with the packet that is found"


@settings(max_examples=60, deadline=None)
@given(source=sources())
def test_a_copied_lecture_is_cut_where_the_muxer_cuts(
    source: tuple[FrameGrid, int, list[int], Fraction],
) -> None:
    grid, total, keys, start = source
    packets = encoded(grid, total, keys, start)
    made = chunks.divide_at_keys(
        grid, total, packets, keys, start=start, size=size_of(total), outside=None
    )
    for chunk in made:
        own = [key for key in keys if chunk.first <= key < chunk.end]
        assert chunk.cuts == chunks.segment_starts(grid, own)


def test_a_segment_begins_at_the_first_key_frame_after_its_time() -> None:
    assert chunks.segment_starts(THIRTY, []) == ()
    assert chunks.segment_starts(THIRTY, [0]) == (0,)
    assert chunks.segment_starts(THIRTY, range(0, 600, 60)) == (0, 120, 240, 360, 480)
    # Late key frames do not move the ones that are due after them.
    assert chunks.segment_starts(THIRTY, [0, 50, 130, 200, 250, 370]) == (0, 130, 250, 370)
    # The time counts from the first, wherever that is.
    assert chunks.segment_starts(THIRTY, [45, 165, 164 + 120]) == (45, 165)


def test_no_chunk_begins_at_a_key_frame_that_seeking_could_not_tell_apart() -> None:
    # Two key frames in a row where the chunk would end, and a plain one a segment before.
    keys = [0, 120, 240, 360, 361, 480, 600, 720]
    packets = encoded(THIRTY, 830, keys)
    made = chunks.divide_at_keys(
        THIRTY, 830, packets, keys, start=Fraction(0), size=size_of(830), outside=None
    )
    assert [chunk.first for chunk in made] == [0, 240, 600]


def test_a_lecture_with_one_key_frame_is_one_chunk() -> None:
    packets = encoded(THIRTY, 3000, [0])
    (only,) = chunks.divide_at_keys(
        THIRTY, 3000, packets, [0], start=Fraction(0), size=size_of(3000), outside=(HEAD,)
    )
    assert (only.first, only.end, only.seek, only.cuts) == (0, 3000, None, (0,))
    assert only.end < sys.maxsize


def test_a_chunk_on_the_grid_knows_its_segment_by_its_frame() -> None:
    chunk = Chunk(2, 720, 1080, False, Fraction(24), ())  # noqa: FBT003
    assert chunk.segment(THIRTY) == 6
    assert chunk.is_exact
    assert not Chunk(3, 1080, 1100, True, None, ()).is_exact  # noqa: FBT003
