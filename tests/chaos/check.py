"""The invariants I1 to I9 after a run, each with what was looked at and what was found wrong."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from academy.core import clock
from academy.core.errors import AppError
from academy.core.storage import Bucket, store
from academy.deadletters import services
from academy.deadletters.models import DeadLetter
from academy.jobs import outputs
from academy.jobs.models import Effect, Job
from academy.jobs.selectors import job_get
from academy.jobs.states import TERMINAL
from academy.tenants.models import Tenant
from tasks import queues
from tests.chaos.plan import CANARY_PHONE, CANARY_SECRET, Wanted
from tests.support import invariants
from tests.support.kinds.handlers import content
from tests.support.world import World

SAMPLE = 200
LISTED_SECONDS = 90.0
"""A message that a killed collector held is read again after a minute."""


@dataclass
class Line:
    """One line of the table."""

    name: str
    what: str
    checked: int
    wrong: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.wrong


@dataclass(frozen=True)
class Run:
    """What the checker looks at."""

    world: World
    tenants: Sequence[Tenant]
    plan: Sequence[Wanted]
    accepted: Mapping[int, UUID]
    bodies_with_canary: int
    replay: Callable[[Sequence[Job]], None]
    """Waits until these jobs have ended."""


def table(run: Run) -> list[Line]:
    """All nine, in their order; I6 first of all, because its replays must satisfy the others."""
    sixth = _dead_letters(run)
    rows, tried = invariants.histories(), invariants.attempts()
    root = [row for row in rows if row.job_id in set(run.accepted.values())]
    return [
        Line(
            "I1",
            "every accepted submission has exactly one row",
            len(run.accepted),
            invariants.each_once(run.accepted.values(), root) + _rows_nobody_was_told_of(run),
        ),
        Line(
            "I2",
            "every row ended once, on a legal path, as it should",
            len(rows),
            _named("I2", invariants.at_rest(rows) + invariants.legal(rows)) + _wrong_ends(run),
        ),
        _sends(run),
        _objects(run),
        _strangers(run),
        sixth,
        Line(
            "I7",
            "accepted = sum of states, events = transitions, no slot held",
            sum(row.event_seq for row in rows),
            _named("I7", invariants.at_rest(rows) + invariants.legal(rows)),
        ),
        Line(
            "I8",
            "no write of attempt n after n + 1 was claimed",
            sum(row.attempt for row in rows),
            invariants.fenced(rows, tried),
        ),
        _canaries(run),
    ]


def _named(name: str, wrong: list[str]) -> list[str]:
    return [text for text in wrong if text.startswith(name)]


def _rows_nobody_was_told_of(run: Run) -> list[str]:
    told = set(run.accepted.values())
    own = Job.unscoped.filter(parent__isnull=True, replay_of__isnull=True)
    return [
        f"I1: {pk} was never answered" for pk in own.values_list("pk", flat=True) if pk not in told
    ]


def _wrong_ends(run: Run) -> list[str]:
    states = dict(Job.unscoped.values_list("pk", "state"))
    codes = dict(Job.unscoped.values_list("pk", "error_code"))
    return [
        f"I2: {wanted.kind} {run.accepted[wanted.number]} ended as {state} ({code})"
        for wanted in run.plan
        for state, code in [
            (
                states.get(run.accepted[wanted.number]),
                codes.get(run.accepted[wanted.number]),
            )
        ]
        if state not in wanted.ends
    ]


def _sends(run: Run) -> Line:
    sends = run.world.provider.sends()
    wrong = [f"I3: {send} went out {count} times" for send, count in sends.items() if count > 1]
    expected: Counter[tuple[str, str, str]] = Counter()
    for job in Job.unscoped.filter(kind="test.effect", state="succeeded"):
        occurrence = job.params["occurrence"] or str(job.pk)
        for number in range(job.params["recipients"]):
            expected[str(job.tenant_id), occurrence, f"recipient-{number}"] += 1
    wrong += [f"I3: {send} never went out" for send in expected if not sends[send]]
    open_effects = Effect.unscoped.filter(state__in=["sending", "unknown"], job__state="succeeded")
    wrong += [f"I3: {effect.pk} is {effect.state}" for effect in open_effects]
    return Line(
        "I3", "sends at the provider: never twice, once where succeeded", len(expected), wrong
    )


def _objects(run: Run) -> Line:
    # Most attempts wrote nothing: a round that deletes nothing is not yet the last.
    outputs.sweep(grace=timedelta(seconds=-60), limit=1_000_000)
    bucket = store(Bucket.STORAGE)
    referenced: dict[str, tuple[Job, dict]] = {}
    for job in Job.unscoped.filter(kind="test.output", state="succeeded"):
        referenced |= {item["key"]: (job, item) for item in job.artifacts}
    found = {key for tenant in run.tenants for key in bucket.keys(f"t/{tenant.pk}/jobs/")}
    wrong = [f"I4: {key} is referenced by nothing" for key in found - set(referenced)]
    wrong += [f"I4: {key} is missing" for key in set(referenced) - found]
    for key in sorted(found & set(referenced))[:SAMPLE]:
        job, item = referenced[key]
        data = bucket.read(key)
        whole = content(str(job.pk), int(item["name"].split(".")[0]), item["size"])
        if data != whole or hashlib.sha256(data).hexdigest() != item["sha256"]:
            wrong.append(f"I4: {key} is not what was written")
    return Line("I4", "every object is referenced, every pointer resolves", len(referenced), wrong)


def _strangers(run: Run) -> Line:
    wrong = []
    sample = list(Job.unscoped.order_by("pk")[:SAMPLE])
    for job in sample:
        for tenant in run.tenants:
            if tenant.pk == job.tenant_id:
                continue
            try:
                job_get(tenant=tenant, job_id=job.pk)
            except AppError as error:
                if error.status == 404:
                    continue
            wrong.append(f"I5: {tenant.slug} can see {job.pk}")
    return Line("I5", "another academy's job is 404", len(sample) * (len(run.tenants) - 1), wrong)


def _dead_letters(run: Run) -> Line:
    """Whatever died is a letter, and a letter can be replayed to an end."""
    wrong = _unlisted(run)
    letters = DeadLetter.objects.filter(source="job", state="open", job__parent__isnull=True)
    again = []
    for letter in letters.order_by("pk")[:10]:
        job = services.replay(letter_id=letter.pk, by="command:chaos").replayed_as
        assert job is not None
        again.append(job)
    run.replay(again)
    wrong += _unlisted(run)
    for letter in DeadLetter.objects.filter(source="message").select_related("job"):
        if letter.job is None or letter.job.state not in TERMINAL:
            wrong.append(f"I6: the message {letter.message_id} leads to no job that has ended")
    return Line(
        "I6",
        "what died is listed, and its replays come to an end",
        DeadLetter.objects.count() + len(again),
        wrong,
    )


def _unlisted(run: Run) -> list[str]:
    """What the collectors have not listed or settled after all the time that they need."""
    deadline = clock.monotonic() + LISTED_SECONDS
    while (wrong := _not_listed(run)) and clock.monotonic() < deadline:
        time.sleep(0.2)
    return wrong


def _not_listed(run: Run) -> list[str]:
    unread = sum(run.world.messages(row.name, dlq=True) for row in queues.table())
    return invariants.listed(unread)


def _canaries(run: Run) -> Line:
    logs = sorted(run.world.logs.glob("*.log"))
    wrong = []
    for log in logs:
        text = log.read_text(errors="replace")
        wrong += [
            f"I9: {log.name} tells it" for canary in (CANARY_PHONE, CANARY_SECRET) if canary in text
        ]
    if run.bodies_with_canary:
        wrong.append(f"I9: {run.bodies_with_canary} messages carried it")
    return Line("I9", "no phone number or secret in logs and queue bodies", len(logs), wrong)
