"""What can go wrong with opt-outs, consents and the notices that go out by themselves."""

from __future__ import annotations

from typing import Final

from academy.core.catalogue import Entry, register
from academy.documents.tables import errors as _tables  # noqa: F401 - registers the row codes

_POLICY_KO: Final = "메시지 설정을 고쳐 주세요."
_POLICY_EN: Final = "Correct the messaging policy."

register(
    Entry(
        "message_trigger_unknown", 422,
        "모르는 알림입니다: {event}. 쓸 수 있는 알림: {known}",
        "There is no such notice: {event}. There are: {known}",
        _POLICY_KO, _POLICY_EN,
    ),
    Entry(
        "message_trigger_template", 422,
        "알림 {event}에 쓸 정보성 템플릿이 없습니다. 보관한 템플릿은 쓸 수 없습니다.",
        "The notice {event} has no informational template; an archived one cannot be used.",
        "메시지 설정에서 템플릿을 골라 주세요.",
        "Choose a template in the messaging policy.",
    ),
    Entry(
        "message_opt_out_first", 409,
        "수신을 거부한 번호라서 동의를 등록할 수 없습니다.",
        "The number has opted out, so that no consent can be recorded.",
        "본인이 다시 동의했다면 먼저 수신 거부를 해제해 주세요.",
        "Where its owner has agreed again, lift the opt-out first.",
    ),
    Entry(
        "message_column_unsure", 422,
        "번호 열을 확실하게 알아볼 수 없습니다.",
        "The column of the numbers cannot be told with certainty.",
        "column으로 열을 알려 주세요.",
        "Name it with column.",
    ),
    Entry(
        "message_column_missing", 422,
        "그런 열이 없습니다: {column}",
        "There is no such column: {column}",
        "열 이름이나 제목을 확인해 주세요.",
        "Check its letters or its title.",
    ),
)  # fmt: skip
