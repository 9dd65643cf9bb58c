"""What the OpenAPI document says about the operations on messages, with examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from academy.core.errors import error_body
from academy.core.http.openapi import answer, example
from academy.jobs.once import ONCE_PARAMETERS
from academy.messaging import story
from academy.messaging.api import answers, serializers
from academy.messaging.asking import PreviewRequestSerializer

F = TypeVar("F", bound=Callable[..., Any])

TAGS: Final = ["Messages"]
_TEMPLATE_ID: Final = "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"
_CAMPAIGN_ID: Final = "01932c07-d0a1-7b52-9f0e-5a1c9be2a7d3"
_MESSAGE_ID: Final = "01932c07-e3b4-7c16-8a55-0c7de1f9b284"
_STUDENT_ID: Final = "01932c05-11aa-7e03-9b1d-77c0e4d2f6a8"
_TOKEN: Final = "Zt3n0u8bQv1sJrM5yXw2kE7aLd9fHc4g"  # noqa: S105 - an example
_AT: Final = "2026-03-02T09:00:00.000Z"
_REPORTED: Final = {
    "eventDataId": "E0001",
    "data": {"groupId": "G4V0001", "messageId": "M4V0001", "statusCode": "4000"},
}

POLICY: Final[dict[str, Any]] = {
    "sender": "0200000000", "sender_name": "보기학원", "channel": "", "opt_out_number": "",
    "hold": False, "triggers": {"attendance": {"enabled": True, "template": _TEMPLATE_ID}},
    "most_per_send": 10_000, "most_per_hour": 20_000, "most_per_day": 50_000,
    "most_per_recipient_day": 10, "text_days": 90,
}  # fmt: skip
_WORDING: Final = {
    "subject": "", "body": "#{학생명} 학생이 등원했습니다.", "provider_template": "",
    "fallback_subject": "", "fallback_body": "",
}  # fmt: skip
_VERSION: Final = {
    "number": 1, **_WORDING, "variables": ["학생명"], "created_by": "key:ab12cd34",
    "created_at": _AT,
}  # fmt: skip
TEMPLATE: Final[dict[str, Any]] = {
    "id": _TEMPLATE_ID, "name": "등원", "channel": "text", "purpose": "info",
    "current": _VERSION, "archived_at": None, "created_at": _AT,
}  # fmt: skip
_TEMPLATE_DETAIL: Final = {**TEMPLATE, "versions": [_VERSION]}
CAMPAIGN: Final[dict[str, Any]] = {
    "id": _CAMPAIGN_ID, "title": "3월 2일 등원", "state": "sending", "channel": "text",
    "purpose": "info", "template": _TEMPLATE_ID, "template_version": 1, "subject": "",
    "body": _WORDING["body"], "sender": "0200000000", "trigger": "", "messages": 2,
    "price_expected": 36.0, "price_most": 36.0, "not_before": None, "expires_at": None,
    "created_by": "key:ab12cd34", "confirmed_by": "key:ab12cd34", "created_at": _AT,
    "confirmed_at": _AT, "ended_at": None, "wiped_at": None,
}  # fmt: skip
_FAILED: Final = error_body("carrier_unreachable", {"code": "3058"})
_DETAIL: Final = {
    **CAMPAIGN, "states": {"delivered": 1, "failed": 1}, "types": {"sms": 2},
    "reasons": [{"state": "failed", "count": 1, "reason": _FAILED}], "progress": 1.0,
    "price_paid": 18.0, "price_held": 0.0, "next_due_at": None, "on_hold": False,
}  # fmt: skip
_PREVIEWED: Final = {
    **_DETAIL, "state": "preview", "expires_at": _AT, "confirmed_by": "", "confirmed_at": None,
    "states": {"draft": 2}, "reasons": [], "progress": 0.0, "price_paid": 0.0,
}  # fmt: skip
MESSAGE: Final[dict[str, Any]] = {
    "id": _MESSAGE_ID, "number": 1, "student": _STUDENT_ID, "name": "김보기",
    "recipient": "parent", "phone": "***-****-0014", "type": "sms", "sent_as": None,
    "length": 30, "subject": "", "text": "김보기 학생이 등원했습니다.", "fallback": "",
    "state": "failed", "reason": _FAILED, "provider_code": "3058", "price": 0.0,
    "price_most": 18.0, "not_before": None, "sent_at": _AT, "ended_at": _AT,
}  # fmt: skip
_TRACE: Final = {
    **MESSAGE, "campaign": _CAMPAIGN_ID, "provider": "solapi", "provider_id": "G4V2",
    "standing": {
        "ko": "도착하지 않았습니다. 휴대전화가 꺼져 있거나 연결되지 않았습니다. (코드 3058)",
        "en": "It did not arrive. The phone is off or out of reach. (code 3058)",
    },
    "events": [
        {
            "at": _AT, "state": "failed", "source": "lookup", "message": story.said("failed"),
            "reason": _FAILED, "provider_code": "3058",
        }
    ],
}  # fmt: skip
_PREVIEW_REQUEST: Final = {
    "title": "3월 2일 등원",
    "template": _TEMPLATE_ID,
    "to": {"students": [{"id": _STUDENT_ID, "recipient": "parent"}]},
    "occasion": {"event": "attendance", "occurrence": "2026-03-02"},
}
_OWN_TEXT: Final = {
    "title": "휴원 안내",
    "text": {"body": "#{학생명} 학부모님, 3월 9일은 휴원합니다."},
    "to": {"class_name": "중등 A", "recipients": ["parent", "student"]},
    "not_before": "2026-03-08T00:00:00Z",
}
_BALANCE: Final = {"free": 98_200.0, "held": 36.0}
_ENTRY: Final = {
    "id": _MESSAGE_ID, "kind": "hold", "free": -36.0, "held": 36.0, "campaign": _CAMPAIGN_ID,
    "by": "key:ab12cd34", "reason": "", "created_at": _AT,
}  # fmt: skip
_BOOKING: Final = {"kind": "top_up", "amount": 100_000, "key": "invoice-2026-014"}


def _location(what: str, status: int) -> OpenApiParameter:
    return OpenApiParameter(
        "Location", OpenApiTypes.URI_REF, OpenApiParameter.HEADER, response=[status],
        description=f"Address of the {what}.",
    )  # fmt: skip


def _described(operation_id: str, **more: Any) -> Callable[[F], F]:
    return extend_schema(operation_id=operation_id, tags=TAGS, **more)


policy_read = _described(
    "messaging_policy",
    responses={200: answer(answers.PolicySerializer, "The policy.", "A policy", POLICY)},
)
policy_edit = _described(
    "messaging_policy_edit",
    request=serializers.PolicyEditSerializer,
    examples=[example("Stop everything", {"hold": True})],
    responses={
        200: answer(answers.PolicySerializer, "As it is now.", "On hold", {**POLICY, "hold": True})
    },
)
template_list = _described(
    "message_template_list",
    parameters=[serializers.TemplateListQuerySerializer],
    responses={
        200: answer(
            answers.MessageTemplateSerializer(many=True), "One page.", "A template", TEMPLATE
        )
    },
)
template_create = _described(
    "message_template_create",
    parameters=[*ONCE_PARAMETERS, _location("template", 201)],
    request=serializers.TemplateCreateSerializer,
    examples=[example("A template", {"name": "등원", "body": _WORDING["body"]})],
    responses={
        201: answer(answers.MessageTemplateDetailSerializer, "Stored.", "Stored", _TEMPLATE_DETAIL)
    },
)
_ONE_TEMPLATE: Final = answer(
    answers.MessageTemplateDetailSerializer, "As it is now.", "A template", _TEMPLATE_DETAIL
)
template_read = _described("message_template_read", responses={200: _ONE_TEMPLATE})
template_revise = _described(
    "message_template_revise",
    request=serializers.WordingSerializer,
    examples=[example("Another wording", {"body": _WORDING["body"]})],
    responses={200: _ONE_TEMPLATE},
)
template_archive = _described("message_template_archive", responses={200: _ONE_TEMPLATE})
preview = _described(
    "message_preview",
    request=PreviewRequestSerializer,
    examples=[example("By a template", _PREVIEW_REQUEST), example("Own text", _OWN_TEXT)],
    responses={
        201: answer(
            answers.MessagePreviewSerializer,
            "What would be sent.",
            "A preview",
            {
                "token": _TOKEN,
                "expires_at": _AT,
                "campaign": _PREVIEWED,
                "messages": [
                    {
                        **MESSAGE, "state": "draft", "reason": None, "provider_code": "",
                        "price": None, "sent_at": None, "ended_at": None,
                    }
                ],
            },
        )
    },
)  # fmt: skip
confirm = _described(
    "message_send",
    parameters=[*ONCE_PARAMETERS, _location("campaign", 202)],
    request=serializers.ConfirmSerializer,
    examples=[example("Send it", {"token": _TOKEN})],
    responses={202: answer(answers.CampaignDetailSerializer, "Accepted.", "Sending", _DETAIL)},
)
campaign_list = _described(
    "campaign_list",
    parameters=[serializers.CampaignListQuerySerializer],
    responses={
        200: answer(answers.CampaignSerializer(many=True), "One page.", "A campaign", CAMPAIGN)
    },
)
_ONE: Final = answer(answers.CampaignDetailSerializer, "As it is now.", "A campaign", _DETAIL)
campaign_read = _described("campaign_read", responses={200: _ONE})
campaign_pause = _described("campaign_pause", request=None, responses={200: _ONE})
campaign_resume = _described("campaign_resume", request=None, responses={200: _ONE})
campaign_cancel = _described("campaign_cancel", request=None, responses={200: _ONE})
campaign_messages = _described(
    "campaign_messages",
    parameters=[serializers.MessageListQuerySerializer],
    responses={
        200: answer(answers.CampaignMessageSerializer(many=True), "One page.", "A message", MESSAGE)
    },
)
message_read = _described(
    "message_read",
    responses={200: answer(answers.TraceSerializer, "The message.", "A trace", _TRACE)},
)
credit_read = _described(
    "message_credits",
    responses={200: answer(answers.CreditSerializer, "The balance.", "A balance", _BALANCE)},
)
credit_book = _described(
    "message_credit_book",
    responses={
        200: answer(answers.CreditEntrySerializer(many=True), "One page.", "A line", _ENTRY)
    },
)
ops_credit_read = _described(
    "ops_message_credits",
    responses={200: answer(answers.CreditSerializer, "The balance.", "A balance", _BALANCE)},
)
ops_credit_book = _described(
    "ops_message_credit_book",
    request=serializers.BookingSerializer,
    examples=[example("A payment", _BOOKING)],
    responses={
        200: answer(answers.BookedSerializer, "Booked.", "Booked", {**_BALANCE, "booked": True})
    },
)
webhook = _described(
    "messaging_webhook",
    auth=[{"solapiSecret": []}, {"nhnSignature": []}],
    request=OpenApiTypes.OBJECT,
    examples=[example("What Solapi reports", _REPORTED)],
    responses={200: answer(answers.TakenSerializer, "Stored.", "One event", {"new": 1})},
)
