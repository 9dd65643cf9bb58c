"""Which letters are alike: kind, code, and the message without what differs from case to case."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from academy.core.masking import mask
from academy.deadletters.models import TITLE_CHARS
from academy.jobs.storable import storable_text

_LONGEST_READ: Final = 4_000
_HEX_DIGITS: Final = 12

# The order matters: a quoted path is a text, a UUID is not six numbers.
_RULES: Final = (
    (re.compile(r"010-\*{4}-\*{4}"), "<phone>"),
    # A quote after a letter is an apostrophe.
    (re.compile(r"(?<!\w)b?(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"), "<text>"),
    (re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "<uuid>"),
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s,;)\]}>]+", re.IGNORECASE), "<url>"),
    (re.compile(r"(?<![\w<])(?:[A-Za-z]:)?(?:[\\/][\w.@%+=~-]+){2,}[\\/]?"), "<path>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<hex>"),
    # Eight or more hexadecimal digits with both kinds of character; a word has no digits.
    (re.compile(r"\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)

_RAISED: Final = re.compile(r"^[A-Za-z_][\w.]*(?::\s|:?$)")
_CHAINED: Final = ("During handling of", "The above exception")


def normalise(text: str) -> str:
    """The text with numbers, ids, paths, addresses and quoted parts replaced, on one line.

    Masked first, so that no phone number or key survives in a title. At most ``TITLE_CHARS``.
    """
    text = mask(storable_text(text, _LONGEST_READ))
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.strip()[:TITLE_CHARS]


def fingerprint(kind: str, code: str, title: str) -> str:
    """Twelve hexadecimal digits, the same for letters of one cause."""
    digest = hashlib.sha256(f"{kind}\0{code}\0{title}".encode()).hexdigest()
    return digest[:_HEX_DIGITS]


def raised(traceback: str) -> str:
    """The line of a traceback that names the error, without its module; empty where none does."""
    lines = [line for line in traceback.splitlines() if line and not line[0].isspace()]
    for line in reversed(lines):
        if _RAISED.match(line) and not line.startswith(_CHAINED):
            name, colon, message = line.partition(":")
            return f"{name.rpartition('.')[2]}{colon}{message}"
    return lines[-1] if lines else ""
