"""Everything that can be known about one dead letter, in one typed answer.

API, console and command show the same: the request, the row, the message, every attempt, what was
logged, what was made, what was sent to providers, what became of replays, and who did what.
Parameters and bodies are masked here, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from academy.core.masking import mask, mask_value
from academy.core.storage import Bucket, store
from academy.deadletters.models import DeadLetter, ReplayItem, Source
from academy.deadletters.rerun import Edit, Preview, preview, surroundings, text_of
from academy.deadletters.selectors import letter_get
from academy.fleet.audit import actions_on
from academy.fleet.models import OperatorAction
from academy.jobs import kinds, selectors
from academy.jobs.models import Effect, Job, JobAttempt, JobEvent, JobLog

BODY_CHARS: Final = 20_000
"""Of a message's body that are shown; all of it is kept."""
EVENTS_SHOWN: Final = 500
LOG_LINES_SHOWN: Final = 500
EFFECTS_SHOWN: Final = 200
LINK_LIFETIME: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class MessageStory:
    """The message as it was. ``body`` is masked and cut; ``size`` is in bytes."""

    body: str
    size: int
    is_cut: bool
    attributes: dict[str, Any]


@dataclass(frozen=True)
class ArtifactStory:
    """An object that the job made; ``url`` only on demand, and only for a while."""

    name: str
    content_type: str
    size: int
    sha256: str | None
    url: str | None


@dataclass(frozen=True)
class JobStory:
    """The row behind a letter, and all that hangs on it."""

    job: Job
    params: Any
    attempts: list[JobAttempt]
    events: list[JobEvent]
    logs: list[JobLog]
    artifacts: list[ArtifactStory]
    effects: list[Effect]


@dataclass(frozen=True)
class LetterStory:
    """One dead letter.

    ``replay`` says what a replay would do now, or why there can be none. ``before`` are the letters
    that this one is a second death of, oldest first; ``after`` those of its own replays.
    """

    letter: DeadLetter
    message: MessageStory | None
    job: JobStory | None
    replay: Preview
    items: list[ReplayItem]
    before: list[DeadLetter]
    after: list[DeadLetter]
    actions: list[OperatorAction]


def letter_story(letter_id: UUID, *, with_links: bool = False) -> LetterStory:
    """Tell it. Raises AppError dead_letter_not_found."""
    letter = letter_get(letter_id)
    items = ReplayItem.objects.filter(letter=letter).select_related("replay", "job")
    return LetterStory(
        letter=letter,
        message=_message(letter) if letter.source == Source.MESSAGE else None,
        job=None if letter.job is None else _job(letter.job, with_links=with_links),
        replay=preview(letter, Edit(), surroundings([letter])),
        items=list(items.order_by("-replay__created_at")),
        before=_before(letter),
        after=_after(letter),
        actions=_actions(letter),
    )


def _message(letter: DeadLetter) -> MessageStory:
    text = text_of(letter)
    # Masked before it is cut: half a number is a number that no mask knows.
    shown = mask(text)
    return MessageStory(
        body=shown[:BODY_CHARS].encode("utf-8", "backslashreplace").decode(),
        size=len(letter.body or b""),
        is_cut=len(shown) > BODY_CHARS,
        attributes=mask_value(letter.attributes),
    )


def _job(job: Job, *, with_links: bool) -> JobStory:
    return JobStory(
        job=job,
        params=mask_value(job.params),
        attempts=selectors.job_attempts(job=job),
        events=selectors.job_events(job=job, limit=EVENTS_SHOWN),
        logs=selectors.job_logs(job.pk, limit=LOG_LINES_SHOWN),
        artifacts=_artifacts(job, with_links=with_links),
        effects=list(Effect.unscoped.filter(job=job).order_by("created_at")[:EFFECTS_SHOWN]),
    )


def _artifacts(job: Job, *, with_links: bool) -> list[ArtifactStory]:
    spec = kinds.find(job.kind)
    bucket = store(Bucket(spec.bucket)) if with_links and spec is not None else None
    seconds = int(LINK_LIFETIME.total_seconds())
    return [
        ArtifactStory(
            name=item["name"],
            content_type=item["content_type"],
            size=item["size"],
            sha256=item["sha256"],
            url=None if bucket is None else bucket.presign_get(item["key"], seconds),
        )
        for item in job.artifacts
    ]


def _before(letter: DeadLetter) -> list[DeadLetter]:
    """Letters that were replayed as this one's job, or sent again as its message."""
    runs = _replayed_from(letter.root)
    again = Q(replayed_as__in=runs)
    if letter.message_id:
        again |= Q(resent_as=letter.message_id)
    rows = DeadLetter.objects.filter(again).exclude(pk=letter.pk).defer("body", "attributes")
    return list(rows.order_by("died_at", "id"))


def _replayed_from(job: Job | None) -> list[UUID]:
    """A job, and those that it is a replay of, back to the first."""
    chain: list[UUID] = []
    while job is not None and len(chain) < 50:
        chain.append(job.pk)
        job = job.replay_of
    return chain


def _after(letter: DeadLetter) -> list[DeadLetter]:
    """Letters of the run that this one was replayed as, or of the message sent instead of it."""
    again = Q(pk__in=[])
    if letter.replayed_as_id is not None:
        again |= Q(root=letter.replayed_as_id)
    if letter.resent_as:
        again |= Q(message_id=letter.resent_as, queue=letter.queue)
    rows = DeadLetter.objects.filter(again).exclude(pk=letter.pk).defer("body", "attributes")
    return list(rows.order_by("died_at", "id"))


def _actions(letter: DeadLetter) -> list[OperatorAction]:
    """What operators did to the letter, or to its job by another way; newest first."""
    targets = [str(one) for one in (letter.pk, letter.job_id) if one is not None]
    found: Sequence[OperatorAction] = [row for one in targets for row in actions_on(one)]
    return sorted(found, key=lambda row: (row.at, row.pk), reverse=True)
