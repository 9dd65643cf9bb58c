"""What the law asks of advertising by text message. Pure.

Information and communications network act of Korea, article 50, and its decree: prior consent,
`(광고)` exactly at the beginning, the sender's name and contact, a free way to refuse, and from
21:00 to 08:00 a consent of its own.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime, time, timedelta
from typing import Final

from academy.core.clock import KST
from academy.messaging.text import TextError

PREFIX: Final = "(광고)"
NIGHT_BEGINS: Final = time(21)
NIGHT_ENDS: Final = time(8)
_OPT_OUT: Final = "무료수신거부"


def composed(body: str, *, sender_name: str, opt_out_number: str) -> str:
    """The body as advertising: what it lacks is added, what it has stays.

    Raises TextError: message_ad_sender_missing, message_ad_opt_out_missing,
    message_ad_prefix_disguised (such as ``(광 고)`` or ``(광/고)``, which the law forbids by name).
    """
    if not sender_name.strip():
        raise TextError("message_ad_sender_missing")
    if not opt_out_number.strip():
        raise TextError("message_ad_opt_out_missing")
    text = body
    if not text.startswith(PREFIX):
        if _disguised(text):
            raise TextError("message_ad_prefix_disguised")
        text = f"{PREFIX}{sender_name.strip()}\n{text}"
    elif sender_name.strip() not in text:
        text = f"{PREFIX}{sender_name.strip()} {text.removeprefix(PREFIX).lstrip()}"
    if opt_out_number not in text:
        text = f"{text}\n{_OPT_OUT} {opt_out_number}"
    return text


def is_night(moment: datetime) -> bool:
    """Whether advertising needs a consent of its own at this moment."""
    at = moment.astimezone(KST).time()
    return at >= NIGHT_BEGINS or at < NIGHT_ENDS


def next_allowed(moment: datetime) -> datetime:
    """The moment itself by day, else eight o'clock in the morning that follows."""
    if not is_night(moment):
        return moment
    local = moment.astimezone(KST)
    day = local.date() + timedelta(days=local.time() >= NIGHT_BEGINS)
    return datetime.combine(day, NIGHT_ENDS, tzinfo=KST).astimezone(moment.tzinfo)


def _disguised(text: str) -> bool:
    # In full width, in other brackets, with something between the letters.
    head = unicodedata.normalize("NFKC", text.lstrip()[:12])
    letters = "".join(character for character in head if character.isalnum())
    return letters.startswith("광고") and unicodedata.category(head[0]) in {"Ps", "Sm"}
