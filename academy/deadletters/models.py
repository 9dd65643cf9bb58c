"""Rows of dead letters: what died, what is run again, and how each inbox was last read.

A letter is written once for each dead job and each message of a dead-letter queue. PostgreSQL is
the truth: the queues on SQS are only inboxes, emptied into these rows.
"""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q

from academy.core.ids import new_id
from academy.jobs.models import Job
from academy.tenants.models import Tenant

TITLE_CHARS: Final = 200
REASON_CHARS: Final = 500


class Source(models.TextChoices):
    """Where a letter came from."""

    JOB = "job"
    MESSAGE = "message"


class LetterState(models.TextChoices):
    """What became of a letter."""

    OPEN = "open"
    """Somebody must look at it."""
    REPLAYING = "replaying"
    """It was run or sent again, and the new run has not ended."""
    REPLAYED = "replayed"
    """The new run has ended, well or badly; a new death is a new letter."""
    DISCARDED = "discarded"
    """A person said that nothing needs to be done, and why."""
    SUPERSEDED = "superseded"
    """A message whose job went on, or has ended, without it: the row is the truth."""


SETTLED: Final = (LetterState.REPLAYED, LetterState.DISCARDED, LetterState.SUPERSEDED)


class DeadLetter(models.Model):
    """One thing that died: a dead job, or a message of a dead-letter queue."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.CharField(max_length=8, choices=Source.choices)
    queue = models.CharField(max_length=32)
    job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="dead_letters")
    """The dead job, or the job that the message points at."""
    root = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="+")
    """What a replay runs: the job, or the whole flow that it is a part of."""
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=64)
    title = models.CharField(max_length=TITLE_CHARS)
    """The failure's message without what differs from case to case, masked."""
    fingerprint = models.CharField(max_length=12)

    message_id = models.CharField(max_length=100, blank=True)
    body = models.BinaryField(null=True)
    """The message exactly as it was: UTF-8, lone surrogates passed through."""
    attributes = models.JSONField(default=dict)
    receive_count = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    died_at = models.DateTimeField()
    """When the job ended; for a message, of which SQS does not say it, when it was collected."""
    collected_at = models.DateTimeField()
    state = models.CharField(
        max_length=10, choices=LetterState.choices, default=LetterState.OPEN.value
    )
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=REASON_CHARS, blank=True)
    replayed_at = models.DateTimeField(null=True)
    replayed_as = models.ForeignKey(
        Job, null=True, on_delete=models.PROTECT, related_name="replays_of_letters"
    )
    resent_as = models.CharField(max_length=100, blank=True)
    """SQS's id of the message that was sent again instead of this one."""

    class Meta:
        db_table = "dead_letter"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                name="dead_letter_job_once", fields=["job"], condition=Q(source="job")
            ),
            models.UniqueConstraint(
                name="dead_letter_message_once",
                fields=["queue", "message_id"],
                condition=Q(source="message"),
            ),
            models.CheckConstraint(
                name="dead_letter_state_known", condition=Q(state__in=LetterState.values)
            ),
            models.CheckConstraint(
                name="dead_letter_source_is_there",
                condition=Q(source="job", job__isnull=False, root__isnull=False)
                | (Q(source="message", body__isnull=False) & ~Q(message_id="")),
            ),
            models.CheckConstraint(
                name="dead_letter_settled_has_time",
                condition=Q(state__in=[state.value for state in SETTLED], resolved_at__isnull=False)
                | Q(state__in=["open", "replaying"], resolved_at__isnull=True),
            ),
            models.CheckConstraint(
                name="dead_letter_discard_says_why",
                condition=~Q(state="discarded") | (~Q(reason="") & ~Q(resolved_by="")),
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(F("collected_at").desc(), F("id").desc(), name="dead_letter_listing"),
            models.Index(
                "fingerprint", "died_at", name="dead_letter_open", condition=Q(state="open")
            ),
            models.Index("fingerprint", "state", name="dead_letter_group"),
            models.Index("died_at", name="dead_letter_jobs_died", condition=Q(source="job")),
            models.Index(
                "resolved_at",
                name="dead_letter_message_settled",
                condition=Q(source="message", resolved_at__isnull=False),
            ),
            models.Index(
                "replayed_at", name="dead_letter_replaying", condition=Q(state="replaying")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind or self.source} {self.id} ({self.state})"


class ReplayState(models.TextChoices):
    """Where the replay of a group is."""

    CANARY = "canary"
    """The first one runs alone; the others wait for how it ends."""
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"
    """By a person."""
    FAILED = "failed"
    """By itself: the canary failed, or one run after the other did."""


LIVE: Final = (ReplayState.CANARY, ReplayState.RUNNING, ReplayState.PAUSED)


class Replay(models.Model):
    """The replay of a group: one as a canary, then the rest, throttled."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    fingerprint = models.CharField(max_length=12, blank=True)
    """Empty where the letters were named one by one."""
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=80)
    reason = models.CharField(max_length=REASON_CHARS, blank=True)
    params_patch = models.JSONField(null=True)
    """A JSON merge patch (RFC 7396) on each job's own parameters."""
    per_minute = models.PositiveIntegerField()
    max_in_flight = models.PositiveIntegerField()
    state = models.CharField(
        max_length=8, choices=ReplayState.choices, default=ReplayState.CANARY.value
    )
    ended_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=64, blank=True)
    """Why it failed, or what it waits for; a code of the catalogue."""
    code_params = models.JSONField(default=dict)
    paced_at = models.DateTimeField()
    """Up to this moment the rate has been used up."""

    class Meta:
        db_table = "dead_letter_replay"
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="dead_letter_replay_state_known", condition=Q(state__in=ReplayState.values)
            ),
            models.CheckConstraint(
                name="dead_letter_replay_ended",
                condition=Q(state__in=[state.value for state in LIVE], ended_at__isnull=True)
                | (~Q(state__in=[state.value for state in LIVE]) & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="dead_letter_replay_moves",
                condition=Q(per_minute__gt=0, max_in_flight__gt=0),
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                "created_at",
                name="dead_letter_replay_live",
                condition=Q(state__in=["canary", "running", "paused"]),
            )
        ]

    def __str__(self) -> str:
        return f"replay {self.id} ({self.state})"


class ItemState(models.TextChoices):
    """What became of one letter of a replay."""

    WAITING = "waiting"
    SENT = "sent"
    """Its new run has not ended."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The new run ended, and not well."""
    REFUSED = "refused"
    """It could not be run again; the code says why."""
    LEFT = "left"
    """The replay ended before its turn, or somebody dealt with the letter first."""


class ReplayItem(models.Model):
    """One letter of a replay; the first that can be sent is the canary."""

    pk = models.CompositePrimaryKey("replay_id", "position")
    replay = models.ForeignKey(Replay, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    letter = models.ForeignKey(DeadLetter, on_delete=models.PROTECT, related_name="items")
    state = models.CharField(
        max_length=9, choices=ItemState.choices, default=ItemState.WAITING.value
    )
    job = models.ForeignKey(Job, null=True, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=64, blank=True)
    code_params = models.JSONField(default=dict)
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "dead_letter_replay_item"
        ordering: ClassVar[list[str]] = ["replay_id", "position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                name="dead_letter_in_one_replay",
                fields=["letter"],
                condition=Q(state__in=["waiting", "sent"]),
            ),
            models.CheckConstraint(
                name="dead_letter_item_state_known", condition=Q(state__in=ItemState.values)
            ),
        ]


class Inbox(models.Model):
    """When a source of letters was last read to its end, and what is wrong with it since."""

    name = models.CharField(max_length=32, primary_key=True)
    """A queue's name, or ``jobs``."""
    read_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True)
    problem_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "dead_letter_inbox"
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name
