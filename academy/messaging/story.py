"""What became of one message, told to people in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from academy.core import clock
from academy.core.clock import KST
from academy.core.errors import error_body
from academy.messaging.fields import CampaignState, MessageState
from academy.messaging.models import Message, MessageEvent

Text = dict[str, str]

_STATES: Final[Mapping[str, tuple[str, str]]] = {
    MessageState.DRAFT: (
        "미리 보기에 있습니다. 아직 보내지 않았습니다.",
        "It stands in a preview; nothing was sent.",
    ),
    MessageState.BLOCKED: (
        "이대로는 보낼 수 없습니다.",
        "It cannot be sent as it is.",
    ),
    MessageState.QUEUED: ("보낼 차례를 기다립니다.", "It waits to be sent."),
    MessageState.SENDING: (
        "발송 업체에 넘기는 중입니다.",
        "It is being handed to the provider.",
    ),
    MessageState.SENT: (
        "발송 업체가 받았습니다. 도착 결과를 기다립니다.",
        "The provider took it; whether it arrived is not known yet.",
    ),
    MessageState.DELIVERED: ("휴대전화에 도착했습니다.", "It arrived on the phone."),
    MessageState.FAILED: ("도착하지 않았습니다.", "It did not arrive."),
    MessageState.UNKNOWN: (
        "보냈는지 발송 업체에 확인하는 중입니다. 확인 전에는 다시 보내지 않습니다.",
        "The provider is being asked whether it was sent; until it says, nothing is sent again.",
    ),
    MessageState.SUPPRESSED: ("일부러 보내지 않았습니다.", "It was left out on purpose."),
    MessageState.CANCELLED: ("보내기 전에 취소했습니다.", "It was cancelled before it was sent."),
}
_PAUSED: Final = ("발송이 일시 정지되어 있습니다.", "The campaign is paused.")
_HELD: Final = ("학원이 모든 발송을 멈춰 두었습니다.", "The academy has put all sending on hold.")


def said(state: str) -> Text:
    """What a state means."""
    ko, en = _STATES[state]
    return {"ko": ko, "en": en}


def standing(message: Message, *, held: bool) -> Text:
    """Where a message stands, and why: the answer to "why was this not sent?".

    ``held``: whether the academy's own hold is on. The message comes with its campaign.
    """
    parts = [said(message.state)]
    if message.state == MessageState.QUEUED:
        parts += _waits_for(message, held)
    elif message.reason:
        parts.append(error_body(message.reason, message.reason_params)["message"])
    return {
        language: " ".join(part[language] for part in parts if part[language])
        for language in ("ko", "en")
    }


def reason_body(message: Message) -> dict[str, Any] | None:
    """Why a message stands where it stands, as errors are shown."""
    return error_body(message.reason, message.reason_params) if message.reason else None


def event_body(event: MessageEvent, message: Message) -> dict[str, Any] | None:
    """The reason of one event; the parameters are kept with the message alone."""
    if not event.reason:
        return None
    same = event.reason == message.reason
    return error_body(
        event.reason, message.reason_params if same else {"code": event.provider_code or "-"}
    )


def _waits_for(message: Message, held: bool) -> list[Text]:
    found = []
    if message.campaign.state == CampaignState.PAUSED:
        found.append(_PAUSED)
    if held:
        found.append(_HELD)
    due = message.not_before or message.campaign.not_before
    if due is not None and due > clock.now():
        found.append((f"{_shown(due)} 이후에 보냅니다.", f"It goes out from {_shown(due)} on."))
    return [{"ko": ko, "en": en} for ko, en in found]


def _shown(moment: datetime) -> str:
    return moment.astimezone(KST).strftime("%Y-%m-%d %H:%M KST")
