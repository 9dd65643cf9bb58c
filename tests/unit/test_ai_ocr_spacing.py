"""Spaces of recognised lines are those that are printed, not those between syllables."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from academy.ai.ocr.spacing import Word, spaced
from academy.ai.pages.paper import ink_of
from academy.ai.segmentation.numbers.fonts import LEARNT, Face, faces

FONTS = [face for face in faces(LEARNT) if face.hangul][:4]


def printed(text: str, face: Face, size: int) -> tuple[list[Word], np.ndarray, tuple[int, ...]]:
    """A line, every letter of which the recogniser took for a word of its own."""
    font = face.at(size)
    image = Image.new("L", (round(font.getlength(text)) + 40, 2 * size), 255)
    pen = ImageDraw.Draw(image)
    pen.text((20, size // 2), text, 0, font)
    words = []
    for at, letter in enumerate(text):
        if letter.isspace():
            continue
        left, top, right, bottom = font.getbbox(letter)
        start = 20 + font.getlength(text[:at])
        words.append(
            Word(letter, (round(start + left), int(top), round(start + right), int(bottom)))
        )
    left, top, right, bottom = pen.textbbox((20, size // 2), text, font)
    line = (int(left), int(top), int(right), int(bottom))
    return words, ink_of(np.asarray(image)), line


@pytest.mark.parametrize("face", FONTS, ids=lambda face: face.path.stem)
@pytest.mark.parametrize("size", [18, 28, 40])
@pytest.mark.parametrize(
    "text",
    ["다음 글을 읽고 물음에 답하시오.", "두 근의 합은 12이고 곱은 35이다.", "가장 적절한 것은?"],
)
def test_words_are_joined_again_where_no_space_is_printed(text: str, face: Face, size: int) -> None:
    words, ink, line = printed(text, face, size)
    assert spaced(words, ink, line) == text


def test_spaces_between_latin_words_are_the_recogniser_s() -> None:
    ink = np.zeros((20, 200), np.uint8)
    words = [Word("Read", (0, 0, 60, 20)), Word("the", (62, 0, 100, 20))]
    assert spaced(words, ink + 1, (0, 0, 200, 20)) == "Read the"
    assert spaced([], ink, (0, 0, 200, 20)) == ""
