"""What a campaign would be, told while it is being written: nothing is stored, nothing is sent.

Of many recipients a sample is rendered, spread evenly over all of them; the preview, which comes
before any sending, renders every one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from academy.core import clock
from academy.messaging import advertising, recipients, rendering
from academy.messaging.fields import Channel, MessageState, Purpose
from academy.messaging.models import Campaign, Message
from academy.messaging.policy import policy_of
from academy.messaging.preview import Request, wanted_of
from academy.messaging.recipients import Person
from academy.messaging.rendering import Draft, Wanted
from academy.roster.models import Student
from academy.tenants.models import Tenant

MOST: Final = 200
"""So many are rendered at most; a person waits for it while typing."""
SHOWN: Final = 8
PROBLEMS: Final = 20
_STOPPED: Final = frozenset({MessageState.BLOCKED, MessageState.SUPPRESSED})


@dataclass(frozen=True)
class Sample:
    """One rendered message, at its place (from 1) among all; the row is stored nowhere."""

    place: int
    row: Message


@dataclass(frozen=True)
class Measured:
    """Of ``count`` recipients so many were rendered; money in jeon.

    Prices, states and types are of those rendered.
    """

    count: int
    rendered: int
    channel: Channel
    purpose: Purpose
    states: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    price_expected: int = 0
    price_most: int = 0
    samples: Sequence[Sample] = ()
    problems: Sequence[Sample] = ()


@dataclass(frozen=True)
class Moment:
    """When a campaign begins; None: at once. ``is_deferred``: later than wished, for the night."""

    at: datetime | None
    is_deferred: bool


def measure(*, tenant: Tenant, request: Request, total: int | None = None) -> Measured:
    """Render what would be sent, or the text alone where nobody is chosen yet.

    ``total``: the request names a sample, spread evenly, of so many recipients. Raises AppError
    as `preview.wanted_of` does.
    """
    what = wanted_of(tenant=tenant, request=request, policy=policy_of(tenant))
    chosen = [request.to[place] for place in _spread(len(request.to), MOST)]
    count = max(total or 0, len(request.to))
    places = _spread(count, len(chosen))
    people = recipients.people(tenant, chosen) if chosen else [_nobody(what)]
    drafts = rendering.drafts(Campaign(tenant=tenant), what, people)
    _with_students(tenant, drafts)
    samples = [
        Sample(place + 1, draft.row) for place, draft in zip(places or [0], drafts, strict=True)
    ]
    # Where nobody is chosen, nobody can have refused.
    stops = _STOPPED if chosen else {MessageState.BLOCKED}
    stopped = [one for one in samples if one.row.state in stops]
    good = [one for one in samples if one.row.state not in stops]
    return Measured(
        count=count,
        rendered=len(chosen),
        channel=what.channel,
        purpose=what.purpose,
        states=Counter(one.row.state for one in samples) if chosen else Counter(),
        types=Counter(one.row.type for one in good),
        price_expected=sum(draft.price_expected for draft in drafts),
        price_most=sum(draft.price_most for draft in drafts),
        samples=good[:SHOWN],
        problems=stopped[:PROBLEMS],
    )


def begins(purpose: Purpose, not_before: datetime | None) -> Moment:
    """When a campaign goes out, if it were confirmed now: advertising waits for the morning.

    The gate is asked again at the sending, message by message: some consents cover the night.
    """
    now = clock.now()
    wished = now if not_before is None or not_before <= now else not_before
    allowed = advertising.next_allowed(wished) if purpose is Purpose.AD else wished
    return Moment(None if allowed <= now else allowed, allowed > wished)


def _spread(count: int, most: int) -> list[int]:
    """Places of at most so many, evenly among all, the first and the last with them."""
    if count <= most or most < 2:
        return list(range(min(count, most)))
    return [place * (count - 1) // (most - 1) for place in range(most)]


def _nobody(what: Wanted) -> Person:
    """Stands for the recipients that are not chosen yet: variables stay as they are written."""
    wording = what.wording
    # `names` has looked at both before: they are well written.
    return Person(None, "", "", {name: f"#{{{name}}}" for name in wording.names()})


def _with_students(tenant: Tenant, drafts: Sequence[Draft]) -> None:
    """The students of the rows by one query: to show a name is to read it."""
    ids = {draft.row.student_id for draft in drafts if draft.row.student_id is not None}
    students = Student.objects.for_tenant(tenant).in_bulk(list(ids)) if ids else {}
    for draft in drafts:
        if draft.row.student_id is not None:
            draft.row.student = students[draft.row.student_id]
