"""What NHN's rows and codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from academy.messaging import codes
from academy.messaging.fields import MessageType
from academy.messaging.providers.port import Outcome, Status

NAME: Final = "nhn"

_DELIVERED: Final = frozenset({"1000", "MRC01"})
_UNSURE: Final = frozenset({"3005"})
"""AlimTalk: sent, and not yet confirmed; it may arrive within three days."""
_TEXT_UNDER_WAY: Final = frozenset({"1", "2", "7"})
_TEXT_DELIVERED: Final = "3"
_TEXT_CODES: Final = {"4": "cancelled", "5": "E915", "6": "E919"}
_TYPES: Final = {"SMS": MessageType.SMS, "LMS": MessageType.LMS, "MMS": MessageType.LMS}
_FALLBACK_AHEAD: Final = frozenset({"RSC02", "RSC03"})
_FALLBACK_ARRIVED: Final = "RSC04"
_FALLBACK_FAILED: Final = "RSC05"

codes.register(
    NAME,
    {
        "1002": "carrier_number", "1003": "carrier_sender", "1019": "carrier_unreachable",
        "2000": "carrier_unreachable", "2001": "carrier_unreachable",
        "2002": "carrier_unreachable", "2003": "carrier_unreachable",
        "2004": "carrier_unreachable", "2005": "carrier_unreachable",
        "2007": "carrier_unreachable", "3001": "carrier_number", "3003": "carrier_number",
        "3004": "carrier_unreachable", "3006": "carrier_blocked", "3012": "carrier_spam",
        "3013": "carrier_blocked", "3017": "carrier_sender", "3018": "carrier_sender",
        "3019": "carrier_sender", "E915": "carrier_duplicate", "E919": "carrier_hours",
        "-1003": "carrier_sender", "-2018": "carrier_number", "-2019": "carrier_number",
        "-2023": "message_unencodable_at_provider", "-2312": "carrier_sender",
        "-2313": "carrier_sender", "-3003": "carrier_template", "-3004": "carrier_template",
        "-3005": "carrier_template", "-3010": "carrier_template", "-6001": "carrier_opted_out",
        # AlimTalk's own, where they do not mean something else for a text.
        "kakao-1020": "carrier_no_kakao", "kakao-3008": "carrier_number",
        "kakao-3015": "carrier_template", "kakao-3016": "carrier_template",
        "kakao-3018": "carrier_no_kakao", "kakao-3019": "carrier_no_kakao",
        "kakao-3020": "carrier_blocked", "kakao-3022": "carrier_hours",
        "kakao-3027": "carrier_template", "kakao-3028": "carrier_template",
    },
)  # fmt: skip


def status_of(row: Mapping[str, Any], fallbacks: Mapping[str, MessageType]) -> Status | None:
    """One row of a list, of either service; None where it is not one of ours."""
    key = str(row.get("recipientGroupingKey") or "")
    if not key:
        return None
    if "msgStatus" in row:
        outcome, code, type_ = _of_text(row)
    else:
        outcome, code, type_ = _of_alimtalk(row, fallbacks.get(key, MessageType.SMS))
    identity = f"{row.get('requestId', '')}/{row.get('recipientSeq', '')}"
    return Status(key, outcome, code, provider_id=identity, sent_as=type_)


def _of_text(row: Mapping[str, Any]) -> tuple[Outcome, str, MessageType | None]:
    state, code = str(row["msgStatus"]), str(row.get("resultCode") or "")
    type_ = _TYPES.get(str(row.get("messageType") or ""))
    if state in _TEXT_UNDER_WAY:
        return Outcome.ACCEPTED, code, type_
    if state == _TEXT_DELIVERED:
        return Outcome.DELIVERED, code, type_
    return Outcome.FAILED, _TEXT_CODES.get(state) or code or "E999", type_


def _of_alimtalk(
    row: Mapping[str, Any], fallback: MessageType
) -> tuple[Outcome, str, MessageType | None]:
    state, code = str(row.get("messageStatus") or ""), str(row.get("resultCode") or "")
    resend = str(row.get("resendStatus") or "")
    if state == "COMPLETED" and code in _DELIVERED:
        return Outcome.DELIVERED, code, MessageType.ALIMTALK
    if resend == _FALLBACK_ARRIVED:
        return Outcome.DELIVERED, code, fallback
    if resend == _FALLBACK_FAILED:
        return Outcome.FAILED, str(row.get("resendResultCode") or code), fallback
    failed = state in {"FAILED", "CANCEL"} or (state == "COMPLETED" and code not in _UNSURE)
    if not failed or resend in _FALLBACK_AHEAD:
        return Outcome.ACCEPTED, code, MessageType.ALIMTALK
    return Outcome.FAILED, f"kakao-{code or state}", MessageType.ALIMTALK
