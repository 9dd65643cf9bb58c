"""Run one dead letter again: what that would do, and doing it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.core.locks import Space, lock
from academy.deadletters.collect import awaits_message
from academy.deadletters.envelope import read
from academy.deadletters.models import DeadLetter, LetterState, ReplayItem, Source
from academy.fleet import audit
from academy.fleet.queue_access import QueueAccessError, queue_access
from academy.jobs.models import Job
from academy.jobs.replay import job_publish_again, job_replay
from academy.jobs.states import REPLAYABLE, JobState
from academy.jobs.submit import Order, Submitter, order_check

logger = logging.getLogger(__name__)


class Deed(StrEnum):
    """What running a letter again does."""

    RUN = "run"
    """Submit the job anew."""
    RUN_FLOW = "run_flow"
    """Submit the whole flow anew that the job is a part of."""
    PUBLISH = "publish"
    """Have the relay publish the waiting row again; no new job."""
    RESEND = "resend"
    """Send the message's body to its queue."""


@dataclass(frozen=True)
class Edit:
    """What to change in the new run.

    ``params`` replace the old ones; ``patch`` is merged into them (RFC 7396); ``body`` is sent in
    place of the message's own. ``resend`` insists on sending what workers refuse.
    """

    params: dict[str, Any] | None = None
    patch: dict[str, Any] | None = None
    body: str | None = None
    resend: bool = False

    @property
    def of_params(self) -> bool:
        """Whether it changes parameters."""
        return self.params is not None or self.patch is not None

    @property
    def of_message(self) -> bool:
        """Whether it is about a message's body."""
        return self.resend or self.body is not None


@dataclass(frozen=True)
class Surroundings:
    """What else was done about some letters, read at once for all of them."""

    reruns: dict[UUID, UUID] = field(default_factory=dict)
    """The newest replay of each root."""
    replays: dict[UUID, UUID] = field(default_factory=dict)
    """The group replay that has a letter on its list, by letter."""


@dataclass(frozen=True)
class Preview:
    """What running a letter again would do; with a ``problem``, why it cannot be done."""

    letter: DeadLetter
    deed: Deed
    params: dict[str, Any] | None = None
    """Of the new job."""
    body: str | None = None
    """What would be sent; None where that is the message's own."""
    problem: AppError | None = None


def surroundings(letters: Sequence[DeadLetter], *, within: UUID | None = None) -> Surroundings:
    """Read them; the group replay ``within`` does not count."""
    roots = {letter.root_id for letter in letters if letter.source == Source.JOB}
    reruns = Job.unscoped.filter(replay_of_id__in=roots).order_by("created_at", "id")
    items = ReplayItem.objects.filter(
        letter_id__in=[letter.pk for letter in letters], state__in=["waiting", "sent"]
    )
    if within is not None:
        items = items.exclude(replay_id=within)
    return Surroundings(
        reruns=dict(reruns.values_list("replay_of_id", "pk")),
        replays=dict(items.values_list("letter_id", "replay_id")),
    )


def preview(letter: DeadLetter, edit: Edit, around: Surroundings) -> Preview:
    """What would happen now; changes nothing and raises nothing."""
    look = _preview_job if letter.source == Source.JOB else _preview_message
    seen = look(letter, edit, around)
    if letter.state != LetterState.OPEN:
        problem = AppError("dead_letter_not_open", state=letter.state)
    elif letter.pk in around.replays:
        problem = AppError("dead_letter_in_replay", replay=str(around.replays[letter.pk]))
    else:
        return seen
    return Preview(letter, seen.deed, seen.params, seen.body, problem)


def _preview_job(letter: DeadLetter, edit: Edit, around: Surroundings) -> Preview:
    root = letter.root
    assert root is not None
    deed = Deed.RUN if root.pk == letter.job_id else Deed.RUN_FLOW
    params = new_params(root.params, edit)
    problem = _obstacle(letter, deed, edit, around)
    if problem is None:
        try:
            order_check(tenant=root.tenant, order=Order(root.kind, params, root.priority))
        except AppError as error:
            problem = error
    return Preview(letter, deed, params, problem=problem)


def _obstacle(letter: DeadLetter, deed: Deed, edit: Edit, around: Surroundings) -> AppError | None:
    root = letter.root
    assert root is not None
    if edit.of_message:
        return AppError("dead_letter_no_body")
    if is_masked(edit.params) or is_masked(edit.patch):
        return AppError("dead_letter_masked")
    if deed is Deed.RUN_FLOW and edit.of_params:
        return AppError("dead_letter_part_of_flow", job=str(root.pk))
    if JobState(root.state) not in REPLAYABLE:
        return AppError("dead_letter_flow_open", job=str(root.pk), state=root.state)
    if root.pk in around.reruns:
        return AppError("dead_letter_rerun", job=str(around.reruns[root.pk]))
    return None


def _preview_message(letter: DeadLetter, edit: Edit, _around: Surroundings) -> Preview:
    unanswered = letter.code == "message_unanswered" and not edit.of_message
    deed = Deed.PUBLISH if unanswered else Deed.RESEND
    problem = None
    if edit.of_params:
        problem = AppError("dead_letter_no_params")
    elif is_masked(edit.body):
        problem = AppError("dead_letter_masked")
    elif deed is Deed.PUBLISH:
        if letter.job is None or not awaits_message(letter.job, version_of(letter)):
            problem = AppError("message_overtaken")
    elif not edit.resend:
        problem = AppError("dead_letter_needs_resend", receives=_receives(letter.queue))
    return Preview(letter, deed, body=edit.body, problem=problem)


def new_params(params: dict[str, Any], edit: Edit) -> dict[str, Any]:
    """The parameters that a new run would have."""
    if edit.params is not None:
        return edit.params
    return params if edit.patch is None else merge_patch(params, edit.patch)


_MASKS: Final = ("***", "-****-")
"""What masking leaves in a text (see :mod:`academy.core.masking`)."""


def is_masked(value: Any) -> bool:
    """Whether an edited value was copied from a page, which shows phones and keys masked."""
    if isinstance(value, str):
        return any(mark in value for mark in _MASKS)
    if isinstance(value, dict):
        return any(is_masked(one) for pair in value.items() for one in pair)
    return isinstance(value, list) and any(is_masked(one) for one in value)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: members of the patch replace those of the target, null removes them."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def version_of(letter: DeadLetter) -> int:
    """The version of the row that a thin message names."""
    return read(text_of(letter)).version


def text_of(letter: DeadLetter) -> str:
    """A message's body as SQS gave it; may hold lone surrogates."""
    return bytes(letter.body or b"").decode("utf-8", "surrogatepass")


def _receives(queue: str) -> int:
    found = [fact.max_receive_count for fact in queue_access().facts() if fact.name == queue]
    return found[0] if found else 1


# ---------------------------------------------------------------------------- the deed itself


def run_again(
    letter_id: UUID,
    edit: Edit,
    *,
    by: str,
    reason: str = "",
    request_id: str = "",
    within: UUID | None = None,
) -> DeadLetter:
    """Run it again, and have the letter say as what; ``within`` is the group replay that does it.

    Raises AppError: what :func:`preview` finds, what a submission raises (quotas), and
    dead_letter_not_found; the letter then stays open.
    """
    with transaction.atomic():
        letter = locked(letter_id)
        _hold_root(letter)
        seen = preview(letter, edit, surroundings([letter], within=within))
        if seen.problem is not None:
            raise seen.problem
        if seen.deed is not Deed.RESEND:
            letter.replayed_as = _new_run(seen, edit, by=by, request_id=request_id)
        letter.state = LetterState.REPLAYING
        letter.replayed_at, letter.resolved_by, letter.reason = clock.now(), by, reason
        letter.save(update_fields=["state", "replayed_at", "replayed_as", "resolved_by", "reason"])
        _audit(seen, edit, by=by, reason=reason, within=within)
    if seen.deed is Deed.RESEND:
        _resend(letter, text_of(letter) if seen.body is None else seen.body, by=by)
    return letter


def _new_run(seen: Preview, edit: Edit, *, by: str, request_id: str) -> Job:
    root = seen.letter.root
    assert root is not None
    if seen.deed is Deed.PUBLISH:
        job_publish_again(job_id=root.pk)
        return root
    return job_replay(
        by=Submitter(root.tenant, by, request_id),
        job_id=root.pk,
        params=seen.params if edit.of_params else None,
    )


def _audit(seen: Preview, edit: Edit, *, by: str, reason: str, within: UUID | None) -> None:
    letter = seen.letter
    facts: dict[str, Any] = {"deed": seen.deed.value, "fingerprint": letter.fingerprint}
    if letter.replayed_as_id is not None:
        facts["job"] = str(letter.replayed_as_id)
    if within is not None:
        facts["replay"] = str(within)
    if edit.of_params:
        facts["edited"] = sorted(edit.params if edit.params is not None else edit.patch or {})
    if edit.body is not None:
        facts["edited"] = ["body"]
    audit.record(by=by, action="dead_letter.replay", target=str(letter.pk), reason=reason, **facts)


def _resend(letter: DeadLetter, body: str, *, by: str) -> None:
    """Send it outside any transaction; a crash in between leaves a letter that says so."""
    group = str(letter.attributes.get("MessageGroupId") or letter.tenant_id or "")
    try:
        message_id = queue_access().send(letter.queue, body, group=group)
    except QueueAccessError as error:
        logger.warning("dead letter %s not sent: %s", letter.pk, error)
        letter.state = LetterState.OPEN
        letter.replayed_at, letter.resolved_by, letter.reason = None, "", ""
        with transaction.atomic():
            letter.save(update_fields=["state", "replayed_at", "resolved_by", "reason"])
            audit.record(
                by=by,
                action="dead_letter.not_sent",
                target=str(letter.pk),
                problem=str(error),
            )
        raise AppError("dead_letter_not_sent", queue=letter.queue) from error
    letter.state = LetterState.REPLAYED
    letter.resolved_at, letter.resent_as = clock.now(), message_id
    letter.save(update_fields=["state", "resolved_at", "resent_as"])


def _hold_root(letter: DeadLetter) -> None:
    """Wait for whoever runs the same root at this moment: another part of one flow, say."""
    if letter.root_id is not None:
        lock(Space.ALONE, str(letter.root_id))


def locked(letter_id: UUID) -> DeadLetter:
    """The letter, held until the transaction ends. Raises AppError dead_letter_not_found."""
    letters = DeadLetter.objects.select_for_update(of=("self",)).defer("body")
    letter = letters.select_related("job", "root__tenant").filter(pk=letter_id).first()
    if letter is None:
        raise AppError("dead_letter_not_found")
    return letter
