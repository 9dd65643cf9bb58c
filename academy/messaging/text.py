"""How carriers count a text, and what they can carry. Pure.

Bytes are counted in CP949 (EUC-KR with Microsoft's additions), as the carriers do: counting UTF-8
would call most Korean short messages long ones.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from academy.messaging.fields import MessageType

SMS_BYTES: Final = 90
LMS_BYTES: Final = 2_000
SUBJECT_BYTES: Final = 40
ALIMTALK_CHARS: Final = 1_000
"""Kakao counts characters, line breaks included."""
_ENCODING: Final = "cp949"
_MOST_NAMED: Final = 10


class TextError(Exception):
    """A text that cannot be sent. ``code`` stands in the catalogue."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True)
class Fit:
    """How a text goes out, and how long it is for that: bytes, for AlimTalk characters."""

    type: MessageType
    length: int
    limit: int


def normal(text: str) -> str:
    """The text as it is stored and sent: composed syllables, one kind of line break, no ends.

    A Mac writes a syllable as its letters, which CP949 does not have.
    """
    composed = unicodedata.normalize("NFC", text)
    return composed.replace("\r\n", "\n").replace("\r", "\n").strip()


def unencodable(text: str) -> list[str]:
    """The characters that no carrier can carry, each once, in the order of the text."""
    if text.replace("\n", " ").isprintable() and _encodable(text):
        # Nearly every text: thousands are looked at for one preview.
        return []
    found: dict[str, None] = {}
    for character in text:
        if character != "\n" and (
            unicodedata.category(character) in {"Cc", "Cf", "Cs"} or not _encodable(character)
        ):
            found.setdefault(character)
    return list(found)


def length_of(text: str) -> int:
    """Bytes as the carriers count them. Raises TextError: message_unencodable."""
    wrong = unencodable(text)
    if wrong:
        raise TextError("message_unencodable", characters=named(wrong))
    return len(text.encode(_ENCODING))


def fit_text(body: str, subject: str = "") -> Fit:
    """Whether it goes as SMS or LMS.

    Raises TextError: message_empty, message_unencodable, message_too_long,
    message_subject_too_long.
    """
    if not body:
        raise TextError("message_empty")
    titled = length_of(subject)
    if titled > SUBJECT_BYTES:
        raise TextError("message_subject_too_long", length=titled, limit=SUBJECT_BYTES)
    length = length_of(body)
    if length <= SMS_BYTES and not subject:
        return Fit(MessageType.SMS, length, SMS_BYTES)
    if length > LMS_BYTES:
        raise TextError("message_too_long", length=length, limit=LMS_BYTES)
    return Fit(MessageType.LMS, length, LMS_BYTES)


def fit_alimtalk(body: str) -> Fit:
    """Its length for Kakao, which carries any character. Raises TextError as `fit_text` does."""
    if not body:
        raise TextError("message_empty")
    if len(body) > ALIMTALK_CHARS:
        raise TextError("message_too_long", length=len(body), limit=ALIMTALK_CHARS)
    return Fit(MessageType.ALIMTALK, len(body), ALIMTALK_CHARS)


def named(characters: list[str]) -> str:
    """Characters for a sentence: those that cannot be seen by their number."""
    shown = [
        character if character.isprintable() else f"U+{ord(character):04X}"
        for character in characters[:_MOST_NAMED]
    ]
    return " ".join(shown) + (" …" if len(characters) > _MOST_NAMED else "")


def _encodable(text: str) -> bool:
    try:
        text.encode(_ENCODING)
    except UnicodeEncodeError:
        return False
    return True
