"""Korean particles behind what was put into a text: 3을, 2를, x는, n은."""

from __future__ import annotations

import re
from typing import Final

_PAIR: Final = re.compile(r"을\(를\)|은\(는\)|이\(가\)|과\(와\)")
_FRACTION: Final = re.compile(r"(\d+)/\d+\Z")
#: What is read with a consonant at its end: 영 일 삼 육 칠 팔, 엘 엠 엔 알.
_CLOSED: Final = frozenset("013678lmnr")
_FIRST_SYLLABLE, _LAST_SYLLABLE, _FINALS = "가", "힣", 28


def with_particles(text: str) -> str:
    """The text with each pair, such as 을(를), replaced by the particle that fits."""
    done = ""
    end = 0
    for pair in _PAIR.finditer(text):
        done += text[end : pair.start()]
        closed, _, opened = pair.group().rstrip(")").partition("(")
        done += closed if _is_closed(done) else opened
        end = pair.end()
    return done + text[end:]


def _is_closed(text: str) -> bool:
    """Whether the last sound that is read is a consonant; 3/4 is read 4분의 3."""
    said = text.rstrip(" )]")
    if fraction := _FRACTION.search(said):
        said = fraction.group(1)
    last = said[-1:]
    if _FIRST_SYLLABLE <= last <= _LAST_SYLLABLE:
        return (ord(last) - ord(_FIRST_SYLLABLE)) % _FINALS != 0
    return last in _CLOSED
