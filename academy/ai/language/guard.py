"""The last look at a text before it leaves for somebody else's model.

What has the form of personal data is masked: telephone numbers, resident registration numbers,
e-mail addresses, cards, keys. Names have no form: the parameters of the kinds have no field for a
person, and the documentation says what must not be written into the others.
"""

from __future__ import annotations

import re
from typing import Final

from academy.core import masking

_MASK: Final = "***"
_EDGE: Final = r"(?<![0-9A-Za-z])"
_FORMS: Final = (
    # Resident and alien registration numbers: date of birth, then 1 to 8 and six digits.
    re.compile(_EDGE + r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
               r"[\s\-\u2010-\u2015]{0,3}[1-8][0-9]{6}(?![0-9])"),
    re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63})+"),
    # Payment cards.
    re.compile(_EDGE + r"[0-9]{4}(?:[ \-][0-9]{4}){3}(?![0-9])"),
    # Area codes of fixed lines.
    re.compile(_EDGE + r"0(?:2|[3-6][1-5]|70)[)\-. ]{1,2}[0-9]{3,4}[\-. ][0-9]{4}(?![0-9])"),
)  # fmt: skip


def masked(text: str) -> tuple[str, int]:
    """The text as it may leave, and how many places of it were masked."""
    count = 0
    for form in _FORMS:
        text, found = form.subn(_MASK, text)
        count += found
    clean = masking.mask(text)
    return clean, count + (clean != text)
