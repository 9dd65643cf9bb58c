"""Dead letters of messages that were dealt with long ago go, bodies and all.

A dead job's letter stays as long as its job: the job is the record, and without its letter it would
be taken for one that nobody has looked at.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.conf import settings
from django.db import connection

from academy.core import clock
from academy.core.sweeps import in_rounds

# A letter that a live replay has on its list is settled there first.
_LETTERS: Final = """
WITH old AS (
    SELECT letter.id FROM dead_letter letter
    WHERE letter.source = 'message' AND letter.resolved_at < %(before)s
      AND NOT EXISTS (
        SELECT FROM dead_letter_replay_item item
        WHERE item.letter_id = letter.id AND item.state IN ('waiting', 'sent'))
    ORDER BY letter.resolved_at LIMIT %(rows)s FOR UPDATE OF letter SKIP LOCKED
), items AS (
    DELETE FROM dead_letter_replay_item item USING old WHERE item.letter_id = old.id
)
DELETE FROM dead_letter USING old WHERE dead_letter.id = old.id
"""
_REPLAYS: Final = """
DELETE FROM dead_letter_replay WHERE id = ANY(ARRAY(
    SELECT replay.id FROM dead_letter_replay replay
    WHERE replay.ended_at < %(before)s
      AND NOT EXISTS (SELECT FROM dead_letter_replay_item item WHERE item.replay_id = replay.id)
    LIMIT %(rows)s FOR UPDATE SKIP LOCKED
))
"""


def sweep() -> int:
    """Delete letters of messages that were settled more than ``DEAD_LETTER_DAYS`` ago.

    And replays of groups of which no letter is left. Returns how many of both.
    """
    before = clock.now() - timedelta(days=settings.DEAD_LETTER_DAYS)
    return sum(
        in_rounds(partial(_delete, statement, before), rows=500)
        for statement in (_LETTERS, _REPLAYS)
    )


def _delete(statement: str, before: datetime, rows: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"before": before, "rows": rows})
        return int(cursor.rowcount)
