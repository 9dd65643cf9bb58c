"""Where sound is cut, how what was said becomes captions, and what leaves for a model."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.ai.language import guard, money
from academy.ai.language.explanations.prompt import Solution
from academy.ai.language.forms import filled, schema_of
from academy.ai.language.generation.prompt import Problems
from academy.ai.language.ports import Segment
from academy.ai.language.texts import canonical, formula, number
from academy.ai.language.transcription import subtitles
from academy.ai.language.transcription.cutting import (
    LONGEST_SECONDS,
    PART_SECONDS,
    SHORTEST_SECONDS,
    Span,
    divided,
    is_silent,
)
from academy.video import webvtt

times = st.floats(0, 5000, allow_nan=False).map(lambda value: round(value, 3))


@given(times, st.lists(st.tuples(times, st.floats(0.3, 20)), max_size=40))
def test_parts_are_whole_in_order_and_of_a_length_that_services_take(seconds, pauses):
    silences = sorted((Span(at, at + long) for at, long in pauses), key=lambda one: one.start)
    parts = divided(seconds, silences)
    assert all(0 < part.seconds <= LONGEST_SECONDS for part in parts)
    assert all(one.end == other.start for one, other in pairwise(parts))
    assert sum(part.seconds for part in parts) == pytest.approx(seconds)
    assert all(part.seconds >= SHORTEST_SECONDS for part in parts[:-1])


def test_a_cut_is_in_the_silence_next_to_the_mark():
    silences = [Span(430, 431), Span(590, 592), Span(630, 634), Span(1195, 1196.5)]
    parts = divided(1900, silences)
    assert [part.start for part in parts] == [0, 591, 1195.75]
    assert [part.start for part in divided(1900, [])] == [0, PART_SECONDS, 2 * PART_SECONDS]


def test_a_part_is_silent_where_nothing_is_to_be_heard():
    assert is_silent(Span(0, 600), [Span(0, 300), Span(300.1, 700)])
    assert not is_silent(Span(0, 600), [Span(0, 598)])


def test_captions_are_short_in_order_and_their_words_are_all_there():
    text = "이차함수의 그래프는 포물선이고, 꼭짓점의 좌표는 완전제곱식으로 고쳐서 구합니다. " * 4
    segments = [
        Segment(0.0, 3.0, "안녕하세요.", 0.9),
        Segment(3.0, 33.0, text.strip(), 0.9),
        Segment(33.0, 33.05, "x" * 130, None),
    ]
    found = subtitles.captions(segments)
    assert all(len(one.lines) <= subtitles.LINES for one in found)
    assert all(one.start < one.end for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found[:-3]))
    joined = "".join("".join(one.lines) for one in found)
    expected = "".join(segment.text for segment in segments)
    assert re.sub(r"\s", "", joined) == re.sub(r"\s", "", expected)
    widths = [subtitles._width(line) for one in found for line in one.lines]
    assert max(widths) <= subtitles.LINE_WIDTH


def test_the_files_are_read_back_as_they_were_meant():
    said = [Segment(1.0, 2.5, "a < b & c --> d", 0.9), Segment(3661.007, 3662.0, "끝", None)]
    found = subtitles.captions(said)
    cues = webvtt.parse(subtitles.as_webvtt(found))
    assert [(cue.start, cue.end) for cue in cues] == [(1000, 2500), (3661007, 3662000)]
    assert cues[0].lines == ("a &lt; b &amp; c --&gt; d",)
    srt = subtitles.as_subrip(found)
    assert srt.startswith("1\n00:00:01,000 --> 00:00:02,500\na < b & c → d\n")
    assert "01:01:01,007 --> 01:01:02,000" in srt
    assert webvtt.parse(srt)[0].lines == ("a &lt; b &amp; c → d",)


@given(st.lists(st.text(min_size=1, max_size=120), min_size=1, max_size=6))
def test_whatever_was_said_makes_captions_that_players_read(texts):
    said = []
    for place, text in enumerate(texts):
        clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        if clean:
            said.append(Segment(place * 5.0, place * 5.0 + 4.0, clean, None))
    if said:
        webvtt.parse(subtitles.as_webvtt(subtitles.captions(said)))


# ---------------------------------------------------------------- what leaves, and forms


@pytest.mark.parametrize(
    "text",
    ["010-0000-0000", "+82 10 0000 0000", "000101-3000000", "0001013000000", "a.b@example.org",
     "02-000-0000", "031) 000-0000", "0000-0000-0000-0000"],
)  # fmt: skip
def test_what_has_the_form_of_personal_data_is_masked(text: str):
    clean, count = guard.masked(f"문의: {text} 입니다")
    assert count == 1
    assert not re.search(r"0000|example", clean)


@pytest.mark.parametrize(
    "text",
    ["3.141592와 2.718281의 차", "12345678901234567의 약수", "2026년 3월 2일 10:30", "f(x)=2x+10",
     "1, 2, 4, 8, 16, 32, 64, 128", "확률은 0.25이고 합은 1000000입니다"],
)  # fmt: skip
def test_mathematics_is_left_as_it_is(text: str):
    assert guard.masked(text) == (text, 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [("x = 2√3", "2*sqrt(3)"), ("½", "1/2"), ("-5", "-5"), ("3\u00d74", "3*4"), ("x^2", "x**2")],
)
def test_answers_are_read_as_formulas(text: str, found: str):
    assert formula(text) == found


def test_numbers_are_equal_in_value_and_texts_without_their_spaces():
    assert number("0.75") == number("3/4") == number(" 6 / 8 ")
    assert number("1/0") is number("삼") is number("1e9") is None
    assert canonical(" 예각 삼각형. ") == canonical("예각삼각형")


@pytest.mark.parametrize("form", [Solution, Problems])
def test_a_schema_has_what_strict_modes_take_and_nothing_else(form):
    def walk(schema):
        assert not {"title", "default", "minItems", "maxLength", "pattern"} & set(schema)
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])
        for part in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()):
            walk(part)

    walk(schema_of(form))


def test_a_form_takes_nothing_that_has_to_be_converted():
    whole = {"steps": ["하나"], "answer": "3", "choice": None}
    assert filled(Solution, whole) is not None
    for change in ({"answer": 3}, {"choice": "1"}, {"steps": "하나"}, {"more": 1}):
        assert filled(Solution, {**whole, **change}) is None


def test_amounts_are_shown_without_rounding():
    assert [money.shown(amount) for amount in (0, 1, 520, 10**6, 1_500_000)] == [
        "0", "0.000001", "0.00052", "1", "1.5",
    ]  # fmt: skip
