"""The generated lecture is what the demo says it is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from academy.media.probe import Prober
from deploy.local.lecture import SLIDES, Canvas, LectureError, make_lecture
from tests.support import media


def test_a_lecture_is_full_hd_h264_with_sound(tmp_path: Path) -> None:
    path = make_lecture(tmp_path / "new" / "lecture.mp4", media.binaries().ffmpeg, seconds=2)
    source = Prober(media.binaries()).probe(path)
    assert source.video is not None
    assert source.main_audio is not None
    assert (source.video.codec, source.video.profile, source.video.display_size) == (
        "h264", "High", (1920, 1080),
    )  # fmt: skip
    assert source.video.average_rate == Fraction(30)
    assert source.duration == pytest.approx(2, abs=0.1)
    assert source.main_audio.codec == "aac"
    assert [entry.name for entry in path.parent.iterdir()] == ["lecture.mp4"]


def test_a_failing_ffmpeg_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(LectureError, match="could not be generated"):
        make_lecture(tmp_path / "lecture.mp4", "/bin/false", seconds=2)
    assert list(tmp_path.iterdir()) == []


def test_every_text_of_the_slides_can_be_written() -> None:
    for slide in SLIDES:
        for line in (slide.heading, *slide.lines):
            canvas = Canvas(1400, 20, (255, 255, 255))
            canvas.text(0, 0, line, 2)
            ink = sum(1 for value in canvas.pixels if value != 255)
            assert bool(ink) == bool(line.strip())


def test_a_letter_has_its_shape() -> None:
    canvas = Canvas(5, 7, (255, 255, 255))
    canvas.text(0, 0, "T", 1, (0, 0, 0))
    rows = [
        "".join("#" if canvas.pixels[3 * (5 * y + x)] == 0 else "." for x in range(5))
        for y in range(7)
    ]
    assert rows == ["#####", "#.#.#", "..#..", "..#..", "..#..", "..#..", "..#.."]
