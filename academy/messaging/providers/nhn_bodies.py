"""Which messages share a call to NHN, and what that call says."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from academy.messaging.advertising import PREFIX
from academy.messaging.fields import MessageType
from academy.messaging.providers.nhn_notes import Part, Service, fallback_type
from academy.messaging.providers.port import OutBatch, Outgoing

SMS_TEMPLATE: Final = "academy-sms"
LMS_TEMPLATE: Final = "academy-lms"
TEMPLATES: Final = (SMS_TEMPLATE, LMS_TEMPLATE)
"""Templates that the operator registers once: a whole text is their one variable. Without them
NHN sends the same text to everybody of a call."""
_TEXT: Final = "##text##"
_SUBJECT: Final = "##subject##"
_NO_SUBJECT: Final = "안내"
"""NHN takes no long text without a subject."""


def parts_of(batch: OutBatch) -> list[Part]:
    """The calls that a batch needs: one for each type, sender, template and form."""
    found: dict[str, list[Outgoing]] = {}
    for one in batch.messages:
        about = "\0".join((one.sender, one.channel, one.template, str(one.ad), _form(one)[0]))
        name = f"{one.type.value}-{hashlib.sha256(about.encode()).hexdigest()[:12]}"
        found.setdefault(name, []).append(one)
    return [
        Part(
            name,
            Service.ALIMTALK if ones[0].type is MessageType.ALIMTALK else Service.SMS,
            tuple(one.key for one in ones),
            tuple(ones),
        )
        for name, ones in sorted(found.items())
    ]


def path_of(part: Part) -> str:
    """Where a part is sent to; advertisements have paths of their own, which check their form."""
    one = part.messages[0]
    if part.service is Service.ALIMTALK:
        return "/messages"
    kind = "sms" if one.type is MessageType.SMS else "mms"
    return f"/sender/ad-{kind}" if one.ad else f"/sender/{kind}"


def body_of_part(handle: str, part: Part) -> dict[str, Any]:
    """The JSON of a call."""
    first = part.messages[0]
    if part.service is Service.ALIMTALK:
        return {
            "senderKey": first.channel,
            "templateCode": first.template,
            "senderGroupingKey": handle,
            "recipientList": [_alimtalk(one) for one in part.messages],
        }
    short = first.type is MessageType.SMS
    body: dict[str, Any] = {
        "templateId": SMS_TEMPLATE if short else LMS_TEMPLATE,
        "body": _form(first)[0],
        "sendNo": first.sender,
        "senderGroupingKey": handle,
        "recipientList": [_text(one) for one in part.messages],
    }
    return body if short else {**body, "title": _SUBJECT}


def _form(one: Outgoing) -> tuple[str, str]:
    """The wording of a call, and what is this message's own in it.

    NHN looks for the form of an advertisement, its first word and its last line, in the wording.
    """
    head, _, last = one.text.rpartition("\n")
    if one.ad and head.startswith(PREFIX):
        return f"{PREFIX}{_TEXT}\n{last}", head.removeprefix(PREFIX)
    return _TEXT, one.text


def _text(one: Outgoing) -> dict[str, Any]:
    values = {"text": _form(one)[1]}
    if one.type is MessageType.LMS:
        values["subject"] = one.subject or _NO_SUBJECT
    return {
        "recipientNo": one.to, "templateParameter": values, "recipientGroupingKey": one.key,
    }  # fmt: skip


def _alimtalk(one: Outgoing) -> dict[str, Any]:
    # Said in either case: the account's own setting would otherwise decide.
    resend: dict[str, Any] = {"isResend": one.fallback is not None}
    if one.fallback is not None:
        resend |= {
            "resendType": fallback_type(one).name,
            "resendContent": one.fallback.text,
            "resendSendNo": one.sender,
        }
        if one.fallback.subject:
            resend["resendTitle"] = one.fallback.subject
    return {
        "recipientNo": one.to,
        "templateParameter": dict(one.variables),
        "resendParameter": resend,
        "recipientGroupingKey": one.key,
    }
