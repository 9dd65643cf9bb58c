"""The messages of a preview, each rendered, measured, priced, and looked at for what is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from academy.core.ids import new_id
from academy.messaging import advertising, prices, text, variables
from academy.messaging.content import Content
from academy.messaging.fields import Channel, MessageState, MessageType, Purpose
from academy.messaging.models import Campaign, Consent, Message, OptOut, Policy, TemplateVersion
from academy.messaging.phones import index_of, seal_phone
from academy.messaging.recipients import Person
from academy.messaging.results import price_of
from academy.messaging.templates import Wording
from academy.messaging.text import TextError


@dataclass(frozen=True)
class Wanted:
    """What is said, and how."""

    wording: Wording
    channel: Channel
    purpose: Purpose
    policy: Policy
    version: TemplateVersion | None = None
    types: frozenset[MessageType] = frozenset(MessageType)
    """What the provider in use can send."""


@dataclass(frozen=True)
class Draft:
    """One message of a preview, and what it may cost (jeon)."""

    row: Message
    price_expected: int
    price_most: int


@dataclass(frozen=True)
class _Rendered:
    content: Content
    type: MessageType
    length: int
    fallback: MessageType | None


@dataclass
class _Seen:
    """What is known of the phones, and what this preview has said to them so far."""

    refusing: Mapping[bytes, bool]
    agreeing: frozenset[bytes]
    said: set[tuple[bytes, str]] = field(default_factory=set)


def drafts(
    campaign: Campaign, what: Wanted, people: Sequence[Person], *, occasion: str = ""
) -> list[Draft]:
    """One draft for each person, in their order, numbered from 1.

    What cannot be sent is BLOCKED, what must not be is SUPPRESSED; both say why.
    """
    tenant_id = campaign.tenant_id
    indexes = [index_of(tenant_id, one.digits) if one.digits else b"" for one in people]
    seen = _seen(campaign, [one for one in indexes if one])
    made = []
    for number, (person, index) in enumerate(zip(people, indexes, strict=True), start=1):
        row = Message(
            id=new_id(),
            tenant_id=tenant_id,
            campaign=campaign,
            number=number,
            student_id=person.student,
            recipient=person.recipient,
            phone=seal_phone(tenant_id, person.digits) if person.digits else None,
            phone_index=index,
            phone_tail=person.digits[-4:],
            type=_first_type(what.channel).value,
        )
        made.append(_draft(row, what, person, seen, occasion))
    return made


def _draft(row: Message, what: Wanted, person: Person, seen: _Seen, occasion: str) -> Draft:
    if person.problem:
        return _stopped(row, MessageState.BLOCKED, person.problem)
    try:
        rendered = _rendered(what, person.values)
    except TextError as error:
        return _stopped(row, MessageState.BLOCKED, error.code, error.params)
    row.content = rendered.content.sealed(row.tenant_id)
    row.type, row.length = rendered.type.value, rendered.length
    for type_ in (rendered.type, rendered.fallback):
        if type_ is not None and type_ not in what.types:
            params = {"type": type_.value.upper()}
            return _stopped(row, MessageState.BLOCKED, "message_type_unavailable", params)
    if occasion:
        about = f"{occasion}\x1f{row.student_id or ''}"
        row.occurrence = hashlib.sha256(about.encode() + bytes(row.phone_index)).digest()
    reason = _unwanted(row, what.purpose, rendered.content.text, seen)
    if reason:
        return _stopped(row, MessageState.SUPPRESSED, reason)
    quote = prices.quote(
        rendered.type, rendered.fallback, {one: price_of(one) for one in MessageType}
    )
    row.state, row.price_held = MessageState.DRAFT.value, quote.most
    return Draft(row, quote.expected, quote.most)


def _rendered(what: Wanted, values: Mapping[str, str]) -> _Rendered:
    """Raises TextError."""
    wording = what.wording
    body = variables.render(wording.body, values)
    subject = variables.render(wording.subject, values)
    if what.purpose is Purpose.AD:
        body = advertising.composed(
            body,
            sender_name=what.policy.sender_name,
            opt_out_number=what.policy.opt_out_number,
        )
    if what.channel is Channel.TEXT:
        fit = text.fit_text(body, subject)
        return _Rendered(Content(body, subject), fit.type, fit.length, None)
    fit = text.fit_alimtalk(body)
    fallback_body = variables.render(wording.fallback_body, values)
    fallback_subject = variables.render(wording.fallback_subject, values)
    fallback = text.fit_text(fallback_body, fallback_subject).type if fallback_body else None
    content = Content(
        body,
        subject,
        template=wording.provider_template,
        variables={name: text.normal(str(values[name])) for name in wording.names()},
        fallback_text=fallback_body,
        fallback_subject=fallback_subject if fallback_body else "",
    )
    return _Rendered(content, fit.type, fit.length, fallback)


def _unwanted(row: Message, purpose: Purpose, body: str, seen: _Seen) -> str:
    """Why a message must not be sent; empty: it may."""
    phone = bytes(row.phone_index)
    everything = seen.refusing.get(phone)
    if everything is not None and (everything or purpose is Purpose.AD):
        return "message_opted_out"
    if purpose is Purpose.AD and phone not in seen.agreeing:
        return "message_no_consent"
    # Parents of two children get two messages, but never the same one twice.
    said = (phone, body)
    if said in seen.said:
        return "message_same_twice"
    seen.said.add(said)
    return ""


def _seen(campaign: Campaign, indexes: Sequence[bytes]) -> _Seen:
    phones = list(set(indexes))
    refusing = OptOut.objects.for_tenant(campaign.tenant_id).filter(phone_index__in=phones)
    agreeing = Consent.objects.for_tenant(campaign.tenant_id).filter(phone_index__in=phones)
    return _Seen(
        {bytes(row.phone_index): row.everything for row in refusing},
        frozenset(bytes(row.phone_index) for row in agreeing),
    )


def _stopped(
    row: Message, state: MessageState, reason: str, params: Mapping[str, Any] | None = None
) -> Draft:
    row.state, row.reason, row.reason_params = state.value, reason, dict(params or {})
    return Draft(row, 0, 0)


def _first_type(channel: Channel) -> MessageType:
    return MessageType.SMS if channel is Channel.TEXT else MessageType.ALIMTALK
