"""What became of messages, written once: states, the trace, and the credits, in one transaction.

Whoever learns something (the call itself, a look-up, a webhook, a person who cancels) comes here. A
message only ever moves forward, so that the same news twice changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from academy.core.ids import new_id
from academy.messaging import credit
from academy.messaging.fields import MessageState, MessageType
from academy.messaging.providers.port import Outcome, Status

_FROM: Final[Mapping[MessageState, tuple[MessageState, ...]]] = {
    MessageState.SENDING: (MessageState.QUEUED,),
    MessageState.QUEUED: (MessageState.SENDING, MessageState.UNKNOWN),
    MessageState.UNKNOWN: (MessageState.SENDING,),
    MessageState.SENT: (MessageState.SENDING, MessageState.UNKNOWN),
    MessageState.DELIVERED: (MessageState.SENDING, MessageState.UNKNOWN, MessageState.SENT),
    MessageState.FAILED: (
        MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN, MessageState.SENT,
    ),
    MessageState.SUPPRESSED: (MessageState.QUEUED,),
    MessageState.CANCELLED: (MessageState.QUEUED,),
}  # fmt: skip
"""From where a message may come to a state."""

_ENDED: Final = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.FAILED,
        MessageState.SUPPRESSED,
        MessageState.CANCELLED,
    }
)
_OF_OUTCOME: Final[Mapping[Outcome, MessageState]] = {
    Outcome.ACCEPTED: MessageState.SENT,
    Outcome.DELIVERED: MessageState.DELIVERED,
    Outcome.FAILED: MessageState.FAILED,
}


@dataclass(frozen=True)
class Change:
    """News of one message. ``price`` (jeon) is what it costs in the end; None: not known yet."""

    message: UUID
    state: MessageState
    reason: str = ""
    reason_params: Mapping[str, Any] = field(default_factory=dict)
    provider_code: str = ""
    provider_id: str = ""
    sent_as: MessageType | None = None
    price: int | None = None


# One statement whatever the number. Rows are locked in one order, so that two bearers of news
# about the same messages cannot wait for each other.
_APPLY = """
WITH news AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(states)s::text[], %(froms)s::text[], %(reasons)s::text[],
        %(params)s::text[], %(codes)s::text[], %(provider_ids)s::text[], %(sent_as)s::text[],
        %(prices)s::bigint[], %(ended)s::bool[]
    ) AS n(id, state, froms, reason, params, code, provider_id, sent_as, price, ended)
), known AS (
    SELECT message.id, message.state AS was, message.price_held, message.price AS paid
    FROM message JOIN news USING (id)
    WHERE message.tenant_id = %(tenant)s AND message.campaign_id = %(campaign)s
        AND message.state = ANY (string_to_array(news.froms, ','))
    ORDER BY message.id FOR UPDATE OF message
)
UPDATE message SET
    state = news.state,
    reason = news.reason,
    reason_params = news.params::jsonb,
    provider_code = CASE WHEN news.code = '' THEN message.provider_code ELSE news.code END,
    provider_id = CASE WHEN news.provider_id = '' THEN message.provider_id
        ELSE news.provider_id END,
    sent_as = CASE WHEN news.sent_as = '' THEN message.sent_as ELSE news.sent_as END,
    price = CASE WHEN news.ended AND message.price IS NULL
        THEN LEAST(coalesce(news.price, 0), message.price_held) ELSE message.price END,
    sent_at = CASE WHEN news.state IN ('sent', 'delivered') AND message.sent_at IS NULL
        THEN clock_timestamp() ELSE message.sent_at END,
    ended_at = CASE WHEN news.ended THEN clock_timestamp() ELSE message.ended_at END,
    batch_id = CASE WHEN news.state = 'queued' THEN NULL ELSE message.batch_id END,
    sending_at = CASE WHEN news.state = 'queued' THEN NULL ELSE message.sending_at END,
    updated_at = clock_timestamp()
FROM news, known
WHERE message.id = news.id AND message.id = known.id
RETURNING message.id, message.state, message.reason, news.code, known.price_held,
    CASE WHEN news.ended AND known.paid IS NULL THEN message.price END
"""

_TRACE = """
WITH line AS (
    INSERT INTO message_event (id, tenant_id, message_id, at, state, reason, provider_code, source)
    SELECT e.id, %(tenant)s, e.message, clock_timestamp(), e.state, e.reason, e.code, %(source)s
    FROM unnest(%(ids)s::uuid[], %(messages)s::uuid[], %(states)s::text[], %(reasons)s::text[],
        %(codes)s::text[]) AS e(id, message, state, reason, code)
    RETURNING state, reason
)
INSERT INTO message_steps (state, reason, count)
SELECT state, reason, count(*) FROM line GROUP BY state, reason
"""


def apply(
    *, tenant_id: UUID, campaign_id: UUID, changes: Sequence[Change], source: str
) -> Counter[MessageState]:
    """Write the news of messages of one campaign; returns how many really came to each state.

    Credits that were held for a message are paid or given back when it ends. Call it inside a
    transaction where more belongs to it.
    """
    if not changes:
        return Counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_APPLY, {**_columns(changes), "tenant": tenant_id, "campaign": campaign_id})
        rows = cursor.fetchall()
        trace(cursor, tenant_id, [(row[0], row[1], row[2], row[3]) for row in rows], source)
        _book(tenant_id, campaign_id, [(row[4], row[5]) for row in rows if row[5] is not None])
    return Counter(MessageState(row[1]) for row in rows)


# Nobody will say any more how they arrived: the provider took them, and bills them.
_AS_SENT = """
UPDATE message SET price = LEAST(v.price, price_held), ended_at = clock_timestamp(),
    updated_at = clock_timestamp()
FROM unnest(%(types)s::text[], %(prices)s::bigint[]) AS v(type, price)
WHERE message.id = ANY (%(ids)s) AND message.tenant_id = %(tenant)s
    AND message.state = 'sent' AND message.price IS NULL AND message.type = v.type
RETURNING message.price_held, message.price
"""


def settle_as_sent(*, tenant_id: UUID, campaign_id: UUID, messages: Sequence[UUID]) -> int:
    """Pay for messages that were taken and of which no report came; returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _AS_SENT,
            {
                "ids": list(messages),
                "tenant": tenant_id,
                "types": [one.value for one in MessageType],
                "prices": [price_of(one) for one in MessageType],
            },
        )
        _book(tenant_id, campaign_id, rows := cursor.fetchall())
    return len(rows)


def _book(tenant_id: UUID, campaign_id: UUID, settled: Sequence[tuple[int, int]]) -> None:
    """Pay out of what was held for messages, and give the rest back."""
    held, paid = sum(one for one, _ in settled), sum(one for _, one in settled)
    if held:
        credit.settle(
            tenant_id=tenant_id,
            paid=paid,
            released=held - paid,
            key=f"results:{new_id()}",
            by="platform",
            campaign_id=campaign_id,
        )


def trace(
    cursor: Any, tenant_id: UUID, rows: Sequence[tuple[UUID, str, str, str]], source: str
) -> None:
    """Add a line to the trace of each message: its id, state, reason and the provider's code."""
    if rows:
        cursor.execute(
            _TRACE,
            {
                "tenant": tenant_id,
                "source": source,
                "ids": [new_id() for _ in rows],
                "messages": [row[0] for row in rows],
                "states": [row[1] for row in rows],
                "reasons": [row[2] for row in rows],
                "codes": [row[3] for row in rows],
            },
        )


def of_status(status: Status, asked: MessageType, reason: str) -> Change:
    """A provider's word on one message as news. ``reason``: the catalogue's, where it failed."""
    state = _OF_OUTCOME[status.outcome]
    sent_as = status.sent_as or asked
    failed = state is MessageState.FAILED
    return Change(
        message=UUID(status.key),
        state=state,
        reason=reason if failed else "",
        reason_params={"code": status.code} if failed else {},
        provider_code=status.code,
        provider_id=status.provider_id,
        sent_as=None if failed else sent_as,
        price=None if failed else price_of(sent_as),
    )


def price_of(type_: MessageType) -> int:
    """Jeon of one message, as the operator set it."""
    price: int = settings.MESSAGING_PRICES[type_.value]
    return price


def _columns(changes: Sequence[Change]) -> dict[str, list[Any]]:
    return {
        "ids": [one.message for one in changes],
        "states": [one.state.value for one in changes],
        "froms": [",".join(state.value for state in _FROM[one.state]) for one in changes],
        "reasons": [one.reason for one in changes],
        "params": [json.dumps(dict(one.reason_params), ensure_ascii=False) for one in changes],
        "codes": [one.provider_code for one in changes],
        "provider_ids": [one.provider_id for one in changes],
        "sent_as": ["" if one.sent_as is None else one.sent_as.value for one in changes],
        "prices": [one.price for one in changes],
        "ended": [one.state in _ENDED for one in changes],
    }
