"""Advance the replays of groups. Runs inside the relay; all that it knows stands in rows.

Each letter is sent in a transaction of its own that holds the replay's row, so that a pause or a
stop takes effect between two letters, and a crash loses and doubles none.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.deadletters.models import LIVE, ItemState, Replay, ReplayItem, ReplayState
from academy.deadletters.rerun import Edit, run_again
from academy.deadletters.services import end
from academy.jobs.states import TERMINAL, JobState

logger = logging.getLogger(__name__)

FAILURES_IN_A_ROW: Final = 5
"""So many ends without success one after the other stop a replay whose canary was well."""
LONGEST_SAVING: Final = timedelta(seconds=10)
"""What was not sent for longer than this is not made up for in one burst."""
_DEALT_WITH: Final = frozenset({"dead_letter_rerun", "dead_letter_not_open", "message_overtaken"})
"""Somebody was faster, or the job went on: nothing is wrong."""


def sweep() -> int:
    """One round for every replay that is under way; returns how many letters moved."""
    count = 0
    for replay_id in Replay.objects.filter(state__in=LIVE).values_list("pk", flat=True):
        try:
            count += advance(replay_id)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("replay %s could not go on", replay_id)
    return count


def advance(replay_id: UUID) -> int:
    """See what has ended, decide what that means, and send what may be sent now."""
    count = observe(replay_id)
    decide(replay_id)
    skipped: set[UUID] = set()
    while (moved := send_next(replay_id, skipped)) is not None:
        count += moved
    decide(replay_id)
    return count


def observe(replay_id: UUID) -> int:
    """Note the new runs that have ended."""
    ended = ReplayItem.objects.filter(
        replay_id=replay_id,
        state=ItemState.SENT,
        job__state__in=[state.value for state in TERMINAL],
    )
    count = 0
    for item in ended.select_related("job").order_by("position"):
        assert item.job is not None
        well = item.job.state == JobState.SUCCEEDED
        count += _items(item).update(
            state=ItemState.SUCCEEDED if well else ItemState.FAILED,
            ended_at=item.job.finished_at,
            code=item.job.error_code,
            code_params=item.job.error_params,
        )
    return count


def decide(replay_id: UUID) -> None:
    """Let the rest follow the canary, or end the replay."""
    with transaction.atomic():
        replay = Replay.objects.select_for_update().get(pk=replay_id)
        if replay.state not in LIVE:
            return
        last = _last_ends(replay)
        bad = [item for item in last if item.state == ItemState.FAILED]
        if bad and not replay.items.filter(state=ItemState.SUCCEEDED).exists():
            _fail(replay, "replay_canary_failed", state=_state(bad[0]), reason=_reason(bad[0]))
        elif len(bad) == FAILURES_IN_A_ROW:
            _fail(replay, "replay_keeps_failing", count=len(bad), reason=_reason(bad[0]))
        elif not replay.items.filter(state__in=[ItemState.WAITING, ItemState.SENT]).exists():
            end(replay, ReplayState.DONE)
            replay.code, replay.code_params = "", {}
        elif replay.state == ReplayState.CANARY and last:
            replay.state, replay.paced_at = ReplayState.RUNNING, clock.now()
        else:
            return
        replay.save()


def _last_ends(replay: Replay) -> list[ReplayItem]:
    """The newest ends, the last one first."""
    ends = replay.items.filter(state__in=[ItemState.SUCCEEDED, ItemState.FAILED])
    return list(ends.select_related("job").order_by("-ended_at", "-position")[:FAILURES_IN_A_ROW])


def _state(item: ReplayItem) -> str:
    return item.job.state if item.job is not None else item.state


def _reason(item: ReplayItem) -> str:
    return item.code or _state(item)


def _fail(replay: Replay, code: str, **params: object) -> None:
    end(replay, ReplayState.FAILED)
    replay.code, replay.code_params = code, params
    logger.warning("replay %s ended: %s", replay.pk, code)


def send_next(replay_id: UUID, skipped: set[UUID]) -> int | None:
    """Send one letter, if the replay's state, rate and slots allow; None: nothing more now.

    ``skipped`` collects academies without room for more jobs: their letters wait for a later
    round, and those of others go on.
    """
    with transaction.atomic():
        replay = Replay.objects.select_for_update().get(pk=replay_id)
        item = _next(replay, skipped)
        if item is None:
            return None
        try:
            with transaction.atomic():
                letter = run_again(
                    item.letter_id,
                    Edit(patch=replay.params_patch),
                    by=replay.created_by,
                    reason=replay.reason,
                    within=replay.pk,
                )
        except AppError as problem:
            return _not_sent(replay, item, problem, skipped)
        _items(item).update(state=ItemState.SENT, job_id=letter.replayed_as_id, sent_at=clock.now())
        replay.paced_at += timedelta(minutes=1 / replay.per_minute)
        replay.code, replay.code_params = "", {}
        replay.save(update_fields=["paced_at", "code", "code_params"])
    return 1


def _next(replay: Replay, skipped: set[UUID]) -> ReplayItem | None:
    """The letter whose turn it is; None where none may be sent now."""
    waiting = replay.items.filter(state=ItemState.WAITING).order_by("position")
    waiting = waiting.exclude(letter__tenant_id__in=skipped)
    if replay.state == ReplayState.CANARY:
        alone = not replay.items.filter(state=ItemState.SENT).exists()
        return waiting.first() if alone else None
    if replay.state != ReplayState.RUNNING:
        return None
    now = clock.now()
    saving = max(LONGEST_SAVING, timedelta(minutes=1 / replay.per_minute))
    replay.paced_at = max(replay.paced_at, now - saving)
    if replay.paced_at + timedelta(minutes=1 / replay.per_minute) > now:
        return None
    if replay.items.filter(state=ItemState.SENT).count() >= replay.max_in_flight:
        return None
    return waiting.first()


def _not_sent(replay: Replay, item: ReplayItem, problem: AppError, skipped: set[UUID]) -> int:
    if problem.retryable:
        # A quota that is full has room later; the letter keeps its turn.
        replay.code, replay.code_params = problem.code, problem.params
        replay.save(update_fields=["code", "code_params"])
        skipped.add(item.letter.tenant_id or replay.pk)
        return 0
    state = ItemState.LEFT if problem.code in _DEALT_WITH else ItemState.REFUSED
    _items(item).update(
        state=state, code=problem.code, code_params=problem.params, ended_at=clock.now()
    )
    return 1


def _items(item: ReplayItem) -> QuerySet[ReplayItem]:
    return ReplayItem.objects.filter(replay_id=item.replay_id, position=item.position)
