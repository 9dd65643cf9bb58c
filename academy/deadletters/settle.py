"""Keep letters true to what became of their jobs. Runs inside the relay."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.deadletters.collect import SYSTEM, awaits_message
from academy.deadletters.models import DeadLetter, LetterState, Source
from academy.deadletters.rerun import version_of
from academy.fleet import audit
from academy.jobs.states import TERMINAL

logger = logging.getLogger(__name__)

BATCH: Final = 500
INTERRUPTED_AFTER: Final = timedelta(minutes=2)
"""A message is sent again within the request that asks for it, or not at all."""


def sweep() -> int:
    """One round; returns how many letters changed."""
    return adopt_reruns() + end_replays() + pass_overtaken() + reopen_interrupted()


# Somebody else may have run the job again: its academy through its own API, or an operator through
# another part of the same flow.
_ADOPT = """
WITH rerun AS (
    SELECT letter.id, run.id AS run_id, run.created_at, run.submitted_by
    FROM dead_letter letter
    CROSS JOIN LATERAL (
        SELECT id, created_at, submitted_by FROM job
        WHERE replay_of_id = letter.root_id ORDER BY created_at DESC, id DESC LIMIT 1
    ) AS run
    WHERE letter.state = 'open' AND letter.source = 'job'
    ORDER BY letter.id LIMIT %s FOR NO KEY UPDATE OF letter SKIP LOCKED
)
UPDATE dead_letter SET state = 'replaying', replayed_as_id = rerun.run_id,
    replayed_at = rerun.created_at, resolved_by = rerun.submitted_by
FROM rerun WHERE dead_letter.id = rerun.id AND dead_letter.state = 'open'
"""


def adopt_reruns() -> int:
    """Open letters whose job, or whose flow, was run again without them."""
    return _execute(_ADOPT, [BATCH])


_END = """
WITH over AS (
    SELECT letter.id, run.finished_at FROM dead_letter letter
    JOIN job run ON run.id = letter.replayed_as_id
    WHERE letter.state = 'replaying' AND run.state = ANY(%s)
    ORDER BY letter.id LIMIT %s FOR NO KEY UPDATE OF letter SKIP LOCKED
)
UPDATE dead_letter SET state = 'replayed', resolved_at = over.finished_at
FROM over WHERE dead_letter.id = over.id AND dead_letter.state = 'replaying'
"""


def end_replays() -> int:
    """Letters whose new run has ended, well or badly."""
    return _execute(_END, [[state.value for state in TERMINAL], BATCH])


def pass_overtaken() -> int:
    """Open letters of messages whose job went on without them."""
    waiting = DeadLetter.objects.filter(
        source=Source.MESSAGE, state=LetterState.OPEN, code="message_unanswered"
    )
    count = 0
    for letter in waiting.select_related("job").order_by("id")[:BATCH]:
        if letter.job is not None and not awaits_message(letter.job, version_of(letter)):
            count += DeadLetter.objects.filter(pk=letter.pk, state=LetterState.OPEN).update(
                state=LetterState.SUPERSEDED, resolved_at=clock.now(), resolved_by=SYSTEM
            )
    return count


def reopen_interrupted() -> int:
    """Letters whose message was perhaps sent again: the process ended before it could say so."""
    stuck = DeadLetter.objects.filter(
        state=LetterState.REPLAYING,
        replayed_as__isnull=True,
        replayed_at__lt=clock.now() - INTERRUPTED_AFTER,
    )
    reason = AppError("dead_letter_interrupted").message("en")
    count = 0
    for letter_id in stuck.values_list("pk", flat=True)[:BATCH]:
        with transaction.atomic():
            reopened = stuck.filter(pk=letter_id).update(
                state=LetterState.OPEN, replayed_at=None, resolved_by="", reason=reason
            )
            if reopened:
                audit.record(
                    by=SYSTEM,
                    action="dead_letter.reopen",
                    target=str(letter_id),
                    reason=reason,
                )
        count += reopened
    return count


def _execute(statement: str, values: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
