"""Captions are read as people have them, and a flaw is named by its line."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.core.errors import AppError
from academy.video import captions, webvtt
from academy.video.webvtt import CaptionsError, Cue

SRT = (
    '1\r\n00:00:01,000 --> 00:00:02,500\r\n<font color="red">안녕</font> <I>여러분</I> a<b & c\r\n'
    "\r\n2\r\n00:00:03,5 --> 00:00:04,000\r\n둘째 줄\r\n\r\n이어지는 말\r\n"
)
VTT = """WEBVTT - made by hand
Kind: captions

NOTE
not shown: 00:00:00.000

STYLE
::cue { color: red }

intro
00:05.000 --> 00:06.000 line:0 align:start onclick:alert
<v Teacher>One</v>

01:00:00.000 --> 01:00:01.000
Two
"""


def test_subrip_becomes_webvtt_with_its_signs_kept_as_text() -> None:
    text = webvtt.dumps(webvtt.parse(SRT))
    assert text == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n안녕 <i>여러분</i> a&lt;b &amp; c\n"
        "\n00:00:03.500 --> 00:00:04.000\n둘째 줄\n이어지는 말\n"
    )


def test_webvtt_keeps_cues_and_known_settings_and_drops_looks() -> None:
    cues = webvtt.parse(VTT)
    assert cues == [
        Cue(5_000, 6_000, ("<v Teacher>One</v>",), "line:0 align:start"),
        Cue(3_600_000, 3_601_000, ("Two",)),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_whatever_a_korean_editor_writes_is_read(encoding: str) -> None:
    assert webvtt.decoded("1\n00:00:01,000 --> 00:00:02,000\n함수".encode(encoding)).endswith(
        "함수"
    )


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "captions_empty", 1),
        ("WEBVTT\n\n", "captions_empty", 3),
        ("WEBVTT\n\n00:01.000 -> 00:02.000\nx\n", "captions_no_times", 4),
        ("WEBVTT\n\n00:01.000 --> 00:61.000\nx\n", "captions_no_times", 3),
        ("WEBVTT\n\nx\ny\n", "captions_no_times", 4),
        ("WEBVTT\n\n00:02.000 --> 00:01.000\nx\n", "captions_backwards", 3),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nx\n00:03.000 --> 00:04.000\ny", "captions_no_gap", 5),
        ("1\n00:00:01,000 --> 00:00:02,000\nx\n\n2\n00:00:03,000 -> 00:00:04,000\ny",
         "captions_no_times", 6),
        ("hello\nworld", "captions_no_times", 1),
    ],
)  # fmt: skip
def test_a_flaw_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(CaptionsError) as refused:
        webvtt.parse(text)
    assert (refused.value.code, refused.value.line) == (code, line)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(CaptionsError, match="captions_not_text"):
        webvtt.decoded(b"\x00\x01\x02\xff\xfe\xfd")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 900_000),
            st.integers(1, 9_000),
            st.text("가나다abc .,!?", min_size=1, max_size=30).filter(lambda text: text.strip()),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_is_written_reads_the_same(rows: list[tuple[int, int, str]]) -> None:
    cues = sorted(
        (Cue(start, start + length, (text,)) for start, length, text in rows),
        key=lambda cue: (cue.start, cue.end),
    )
    assert webvtt.parse(webvtt.dumps(cues)) == cues


@pytest.mark.parametrize("rate", ["30", "30000/1001"])
def test_captions_are_placed_where_the_stream_begins(rate: str) -> None:
    base = round(Fraction(rate)) / Fraction(rate)
    placed = webvtt.placed("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nx\n", base)
    ticks = 90_000 if rate == "30" else 90_090
    assert placed.startswith(
        f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{ticks},LOCAL:00:00:00.000\n\n00:00:01.000"
    )
    assert len(webvtt.parse(placed)) == 1


def test_language_tags_have_one_spelling() -> None:
    assert captions.language_tag("KO") == "ko"
    assert captions.language_tag("zh-hant-tw") == "zh-Hant-TW"
    for wrong in ("", "korean", "k", "ko_KR", "ko-", "../ko"):
        with pytest.raises(AppError):
            captions.language_tag(wrong)
