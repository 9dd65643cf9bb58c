"""What operators do with dead letters: run one again, discard, and replay a group.

Every deed is recorded with who did it, in its own transaction. ``by`` is ``user:<id>`` or
``command:<login>``.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.deadletters.models import (
    LIVE,
    DeadLetter,
    ItemState,
    LetterState,
    Replay,
    ReplayItem,
    ReplayState,
)
from academy.deadletters.plan import Group, Plan, chosen, plan_of
from academy.deadletters.rerun import (
    Edit,
    Preview,
    locked,
    preview,
    run_again,
    surroundings,
)
from academy.fleet import audit

DEFAULT_PER_MINUTE: Final = 30
DEFAULT_IN_FLIGHT: Final = 10
MOST_PER_MINUTE: Final = 600
MOST_IN_FLIGHT: Final = 200


def replay_preview(*, letter_id: UUID, edit: Edit | None = None) -> Preview:
    """What :func:`replay` would do now; a ``problem`` in it says why it could not."""
    letters = DeadLetter.objects.select_related("job", "root__tenant").defer("body")
    letter = letters.filter(pk=letter_id).first()
    if letter is None:
        raise AppError("dead_letter_not_found")
    return preview(letter, edit or Edit(), surroundings([letter]))


def replay(
    *,
    letter_id: UUID,
    by: str,
    edit: Edit | None = None,
    reason: str = "",
    request_id: str = "",
) -> DeadLetter:
    """Run one letter again.

    A dead job is submitted anew (its whole flow, where it is a part of one); a message whose row
    waits has the row published again; any other body is sent to its queue if ``edit.resend``
    insists. Raises AppError as :func:`academy.deadletters.rerun.run_again`; the letter stays open.
    """
    return run_again(letter_id, edit or Edit(), by=by, reason=reason, request_id=request_id)


def discard(*, letter_id: UUID, by: str, reason: str) -> DeadLetter:
    """Say that nothing needs to be done about a letter, and why.

    Raises AppError: dead_letter_not_found, dead_letter_not_open, dead_letter_in_replay.
    """
    with transaction.atomic():
        letter = locked(letter_id)
        if letter.state != LetterState.OPEN:
            raise AppError("dead_letter_not_open", state=letter.state)
        held = surroundings([letter]).replays
        if letter.pk in held:
            raise AppError("dead_letter_in_replay", replay=str(held[letter.pk]))
        letter.state = LetterState.DISCARDED
        letter.resolved_at, letter.resolved_by = clock.now(), by
        letter.reason = _said(reason)
        letter.save(update_fields=["state", "resolved_at", "resolved_by", "reason"])
        audit.record(
            by=by,
            action="dead_letter.discard",
            target=str(letter.pk),
            reason=letter.reason,
            fingerprint=letter.fingerprint,
        )
    return letter


def discard_group(*, group: Group, by: str, reason: str, dry_run: bool = False) -> list[UUID]:
    """Discard the open letters of a group, at most ``GROUP_LIMIT``; returns which.

    Letters that a replay has on its list stay. Nothing changes in a dry run.
    """
    said = _said(reason)
    with transaction.atomic():
        letters, _ = chosen(group)
        held = surroundings(letters).replays
        ids = [one.pk for one in letters if one.pk not in held]
        rows = DeadLetter.objects.filter(pk__in=ids, state=LetterState.OPEN).order_by("id")
        if dry_run:
            return list(rows.values_list("pk", flat=True))
        ids = list(rows.select_for_update().values_list("pk", flat=True))
        if ids:
            DeadLetter.objects.filter(pk__in=ids).update(
                state=LetterState.DISCARDED,
                resolved_at=clock.now(),
                resolved_by=by,
                reason=said,
            )
            audit.record(
                by=by,
                action="dead_letter.discard_group",
                target=group.fingerprint or str(ids[0]),
                reason=said,
                letters=[str(one) for one in ids],
            )
    return ids


def _said(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise ValueError("a discard says why")
    return reason


# ---------------------------------------------------------------------------- groups


def replay_plan(*, group: Group, patch: dict[str, Any] | None = None) -> Plan:
    """What :func:`replay_group` would do now; nothing changes."""
    return plan_of(group, patch)


def replay_group(
    *,
    group: Group,
    by: str,
    patch: dict[str, Any] | None = None,
    reason: str = "",
    per_minute: int = DEFAULT_PER_MINUTE,
    max_in_flight: int = DEFAULT_IN_FLIGHT,
) -> Replay:
    """Begin to replay a group: the oldest as a canary, then the rest, throttled.

    The relay does the work (see :mod:`academy.deadletters.progress`). Raises AppError:
    replay_empty, replay_patch_invalid (nothing is run), dead_letter_not_found.
    """
    plan = plan_of(group, patch)
    if patch is not None and plan.misfits:
        first = plan.misfits[0]
        assert first.problem is not None
        raise AppError(
            "replay_patch_invalid",
            count=len(plan.misfits),
            letter=str(first.letter.pk),
            fields=first.problem.params.get("fields", {}),
        )
    if not plan.runs:
        raise AppError("replay_empty", blocked=dict(plan.why_blocked))
    now = clock.now()
    with transaction.atomic():
        begun = Replay.objects.create(
            fingerprint=group.fingerprint,
            created_at=now,
            created_by=by,
            reason=reason,
            params_patch=patch,
            per_minute=per_minute,
            max_in_flight=max_in_flight,
            paced_at=now,
        )
        try:
            with transaction.atomic():
                ReplayItem.objects.bulk_create(_items(begun, plan), batch_size=500)
        except IntegrityError as error:
            # Somebody else began with one of them at this very moment.
            raise AppError("replay_empty", blocked={"dead_letter_in_replay": 1}) from error
        _record(begun, by, "begin", reason=reason, runs=len(plan.runs), blocked=len(plan.blocked))
    return begun


def _items(begun: Replay, plan: Plan) -> list[ReplayItem]:
    waiting = [ReplayItem(letter=seen.letter) for seen in plan.runs]
    refused = [
        ReplayItem(
            letter=seen.letter,
            state=ItemState.REFUSED,
            code=seen.problem.code,
            code_params=seen.problem.params,
        )
        for seen in plan.blocked
        if seen.problem is not None
    ]
    items = waiting + refused
    for position, item in enumerate(items):
        item.replay, item.position = begun, position
    return items


def replay_pause(*, replay_id: UUID, by: str) -> Replay:
    """Send nothing more until it is resumed; what runs, runs on."""
    return _turn(replay_id, by, "pause", {ReplayState.CANARY, ReplayState.RUNNING})


def replay_resume(*, replay_id: UUID, by: str) -> Replay:
    """Go on where it was paused."""
    return _turn(replay_id, by, "resume", {ReplayState.PAUSED})


def replay_stop(*, replay_id: UUID, by: str, reason: str = "") -> Replay:
    """End it; letters whose turn has not come are open as before."""
    return _turn(replay_id, by, "stop", set(LIVE), reason=reason)


def _turn(
    replay_id: UUID, by: str, deed: str, allowed: set[ReplayState], *, reason: str = ""
) -> Replay:
    with transaction.atomic():
        found = Replay.objects.select_for_update().filter(pk=replay_id).first()
        if found is None:
            raise AppError("replay_not_found")
        if found.state not in allowed:
            raise AppError("replay_not_live", state=found.state)
        if deed == "pause":
            found.state = ReplayState.PAUSED
        elif deed == "resume":
            # A paused replay must not catch up at once on what it did not send.
            found.state, found.paced_at = _resumed(found), clock.now()
        else:
            end(found, ReplayState.STOPPED)
        found.save()
        _record(found, by, deed, reason=reason)
    return found


def _resumed(found: Replay) -> ReplayState:
    well = found.items.filter(state=ItemState.SUCCEEDED).exists()
    return ReplayState.RUNNING if well else ReplayState.CANARY


def end(ending: Replay, state: ReplayState) -> None:
    """End a replay in memory, and in the database let go of the letters that wait for it."""
    now = clock.now()
    ending.state, ending.ended_at = state, now
    ending.items.filter(state=ItemState.WAITING).update(state=ItemState.LEFT, ended_at=now)


def _record(about: Replay, by: str, deed: str, *, reason: str = "", **facts: Any) -> None:
    audit.record(
        by=by,
        action=f"replay.{deed}",
        target=str(about.pk),
        reason=reason,
        fingerprint=about.fingerprint,
        **facts,
    )
