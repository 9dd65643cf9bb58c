"""Segments and chapters from the network's verdicts; and how near they come to what was said."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.ai.speech.chapters import chapters_of
from academy.ai.speech.limits import FRAME_SECONDS
from academy.ai.speech.segments import (
    SILENCE,
    SPEECH,
    Floats,
    Rules,
    Segment,
    segments_of,
    skippable,
)
from academy.ai.speech.timeline import draw

BARE = Rules(min_speech=0, min_silence=0, padding=0)


def verdicts(*runs: tuple[float, int]) -> Floats:
    """Frames by runs of a chance and a number."""
    return np.concatenate([np.full(count, chance, dtype=np.float32) for chance, count in runs])


def spoken(chances: Floats, rules: Rules) -> list[tuple[int, int]]:
    """Frames at which speech begins and ends."""
    levels = np.full(len(chances), -30, dtype=np.float32)
    found = segments_of(chances, levels, len(chances) * FRAME_SECONDS, rules)
    return [
        (round(one.start / FRAME_SECONDS), round(one.end / FRAME_SECONDS))
        for one in found
        if one.kind == SPEECH
    ]


def test_a_voice_begins_at_one_threshold_and_ends_at_a_lower_one() -> None:
    assert spoken(verdicts((0.1, 10), (0.4, 5), (0.9, 10), (0.4, 5), (0.1, 10)), BARE) == [(15, 30)]
    assert spoken(verdicts((0.1, 10), (0.45, 20), (0.1, 10)), BARE) == []


def test_short_gaps_are_bridged_short_sounds_dropped_and_ends_padded() -> None:
    rules = Rules(min_speech=0.25, min_silence=0.5, padding=2 * FRAME_SECONDS)
    gap, click = verdicts((0.9, 20), (0, 10), (0.9, 20)), verdicts((0, 40), (0.9, 5), (0, 40))
    assert spoken(gap, rules) == [(0, 50)]
    assert spoken(click, rules) == []
    assert spoken(verdicts((0, 40), (0.9, 20), (0, 40)), rules) == [(38, 62)]


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.4, 0.6, 1.0]), st.integers(1, 60)), max_size=30),
    st.floats(0, 1), st.floats(0, 2), st.floats(0, 0.5),
)  # fmt: skip
def test_segments_cover_the_recording_in_turns(
    runs: list[tuple[float, int]], min_speech: float, min_silence: float, padding: float
) -> None:
    chances = verdicts(*runs) if runs else np.zeros(0, dtype=np.float32)
    duration = len(chances) * FRAME_SECONDS
    rules = Rules(min_speech=min_speech, min_silence=min_silence, padding=padding)
    found = segments_of(chances, np.full(len(chances), -20, dtype=np.float32), duration, rules)
    edges = [0.0, *(one.end for one in found)]
    assert [one.start for one in found] == edges[:-1]
    assert edges[-1] == pytest.approx(duration)
    assert all(a.kind != b.kind for a, b in pairwise(found))
    assert all(0 <= one.confidence <= 1 and one.seconds > 0 for one in found)


def turns(*lengths: float, level: float = -60) -> list[Segment]:
    """Speech and silence in turns, speech first."""
    at, made = 0.0, []
    for number, length in enumerate(lengths):
        kind = SILENCE if number % 2 else SPEECH
        made.append(Segment(at, at + length, kind, 0.9, -20 if kind == SPEECH else level))
        at += length
    return made


def test_only_long_silences_that_are_quieter_than_the_speech_may_be_skipped() -> None:
    assert skippable(turns(10, 5, 10, 1, 10)) == [(10, 15)]
    assert skippable(turns(10, 5, 10, level=-25)) == [], "music, or a film"
    assert skippable([Segment(0, 9, SILENCE, 1, -90)]) == [], "nobody speaks"


def test_chapters_begin_in_long_pauses_about_as_far_apart_as_wished() -> None:
    lecture = turns(*([58.0, 2.0] * 30), 58.0)
    lecture[20 * 2 - 1] = Segment(1198, 1200, SILENCE, 1, -60)
    duration = lecture[-1].end
    found = chapters_of(lecture, duration, length=600)
    assert found[0].start == 0
    assert [a.end for a in found[:-1]] == [b.start for b in found[1:]]
    assert all(400 < one.end - one.start < 900 for one in found)
    inside = [
        (one.start, segment) for one in found for segment in lecture
        if segment.kind == SPEECH and segment.start < one.start < segment.end
    ]  # fmt: skip
    assert not inside
    for wished in (1, 2, 5, 9):
        assert len(chapters_of(lecture, duration, length=600, wished=wished)) == wished


def test_a_longer_pause_draws_a_chapter_and_without_pauses_there_is_one() -> None:
    found = chapters_of(turns(520, 2, 60, 20, 600), 1202, length=600)
    assert [round(one.start) for one in found] == [0, 602]
    assert len(chapters_of(turns(3000), 3000, length=600, wished=4)) == 1
    assert len(chapters_of(turns(100, 0.8, 3000), 3100.8, length=600)) == 1
    assert chapters_of([Segment(0, 900, SILENCE, 1, -90)], 900, length=600) == []


def test_a_day_of_pauses_is_divided_in_moments() -> None:
    lecture = turns(*([5.0, 1.5] * 4400), 5.0)
    found = chapters_of(lecture, lecture[-1].end, length=600)
    assert 30 <= len(found) <= 70


@pytest.mark.parametrize("duration", [0.5, 61.0, 8 * 3600.0])
def test_the_picture_of_a_recording_is_as_small_as_a_page(tmp_path: Path, duration: float) -> None:
    lecture = [
        Segment(0, duration / 2, SPEECH, 1, -20),
        Segment(duration / 2, duration, SILENCE, 1, -60),
    ]
    levels = np.full(int(duration / FRAME_SECONDS) + 1, -25, dtype=np.float32)
    chapters = chapters_of(lecture, duration, length=600)
    target: Any = tmp_path / "t.png"
    draw(target, levels, lecture, chapters, duration)
    assert 1_000 < target.stat().st_size < 100_000
