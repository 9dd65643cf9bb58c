"""What must never be readable in a log: phone numbers, keys, tokens, signatures, passwords.

Masking is the last fence, not the first: code passes ids, not people. But a provider's error
text, a URL in a traceback or a careless f-string must not be the leak.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_MASKED_PHONE = "010-****-****"

# Between the groups of a number people and programs write nothing, a hyphen of any kind, a dot,
# a slash, spaces, brackets, or (in a URL) an escape of those.
# (The escapes are hyphens, spaces and brackets of other widths, and full-width digits.)
_GAP = (
    r"(?:[\s\u200b-\u200d\u2060\ufeff\u00b7\u2010-\u2015\u2212\u30fc\uff08\uff09\uff0d\uff0e"
    r".\-/()\[\]_~+]|%20|%2D|%28|%29){0,3}"
)
_DIGIT = r"[0-9\uff10-\uff19]"
_ZERO, _ONE, _TWO, _EIGHT = (rf"[{digit}\uff1{digit}]" for digit in "0128")
_NETWORK = r"[016789\uff10\uff11\uff16-\uff19]"
_OPEN, _CLOSE = r"[(\uff08]?", r"[)\uff09]?"
_COUNTRY = rf"(?:[+\uff0b]|%2B|00[0-9]{{0,2}}[ -]?)?{_EIGHT}{_TWO}"
_PREFIX = rf"{_ZERO}{_ONE}{_NETWORK}"
_BARE_PREFIX = rf"{_OPEN}{_ZERO}?{_CLOSE}{_ONE}{_NETWORK}"
_EDGE = r"[0-9A-Za-z\uff10-\uff19]"

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

PHONE = re.compile(
    # Our ids are the commonest digits in a log, and one in 10^5 holds what reads as a number.
    rf"(?P<id>{_UUID})|"
    # A digit or letter on either side means an identifier, a checksum or a longer number.
    rf"(?<!{_EDGE}){_OPEN}(?:{_COUNTRY}{_GAP}{_BARE_PREFIX}|{_PREFIX})"
    rf"{_GAP}{_DIGIT}{{3,4}}{_GAP}{_DIGIT}{{4}}(?!{_EDGE})"
)

_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\bak_([a-z0-9]{8})_[A-Za-z0-9_\-]{20,}"), r"ak_\1_***"),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"), "***token***"),
    (re.compile(r"\brt_[A-Za-z0-9_\-]{20,}"), "rt_***"),
    # The token of a playback link is all that its holder needs.
    (re.compile(r"(/media/)[A-Za-z0-9_\-]{20,}"), r"\1***"),
    (re.compile(r"([?&]token=)[A-Za-z0-9_\-]{20,}"), r"\1***"),
    # Of a CDN's links, and what names a viewer to the academy.
    (re.compile(r"([?&]sig=)[A-Za-z0-9_\-]{20,}"), r"\1***"),
    (re.compile(r"([?&](?:viewer|watermark)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"(?i)((?:X-Amz-|AWS)?Signature=)[0-9A-Za-z%/+=]+"), r"\1***"),
    (re.compile(r"(?i)(X-Amz-(?:Credential|Security-Token)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"(?i)\b((?:postgres(?:ql)?|https?|amqp|redis)://[^\s:/@]*):[^\s]*@"), r"\1:***@"),
    (
        re.compile(
            r"(?i)(\b(?:password|passwd|secret|secret_access_key|api_key|authorization)"
            r"[\"']?\s*[:=]\s*[\"']?(?:bearer\s+)?)(?!\*\*\*|ak_|rt_)[^\s\"',;&}]+"
        ),
        r"\1***",
    ),
)


def mask(text: str) -> str:
    """The text without phone numbers and secrets; everything else stays as it is."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return PHONE.sub(lambda found: found["id"] or _MASKED_PHONE, text)


def mask_value(value: Any) -> Any:
    """``mask`` in every string of a JSON-like value, keys included."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask_value(key): mask_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(item) for item in value]
    return value
