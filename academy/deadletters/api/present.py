"""Rows and stories as the JSON that operators see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from academy.core.errors import AppError, error_body
from academy.core.http.values import instant, reference
from academy.core.masking import mask_value
from academy.deadletters.models import DeadLetter, ReplayItem, Source
from academy.deadletters.plan import Plan, flows, minutes
from academy.deadletters.rerun import Preview
from academy.deadletters.selectors import LetterGroup, ReplayView
from academy.deadletters.story import JobStory, LetterStory, MessageStory
from academy.fleet.models import OperatorAction
from academy.jobs.models import Effect, JobAttempt, JobEvent, JobLog

EXAMPLES: Final = 50


def letter_path(letter_id: UUID) -> str:
    """The letter's address."""
    return reverse("deadletters:letter", args=[letter_id])


def letter_body(letter: DeadLetter) -> dict[str, Any]:
    """A letter as lists show it."""
    is_message = letter.source == Source.MESSAGE
    return {
        "id": str(letter.pk),
        "source": letter.source,
        "queue": letter.queue,
        "kind": letter.kind or None,
        "code": letter.code,
        "title": letter.title,
        "fingerprint": letter.fingerprint,
        "error": _error_of(letter),
        "tenant": _tenant(letter),
        "job": reference(letter.job_id),
        "flow": None if letter.root_id == letter.job_id else reference(letter.root_id),
        "message_id": letter.message_id or None,
        "receive_count": letter.receive_count if is_message else None,
        "sent_at": instant(letter.sent_at),
        "died_at": instant(letter.died_at),
        "collected_at": instant(letter.collected_at),
        "state": letter.state,
        "resolved_at": instant(letter.resolved_at),
        "resolved_by": letter.resolved_by or None,
        "reason": letter.reason or None,
        "replayed_at": instant(letter.replayed_at),
        "replayed_as": reference(letter.replayed_as_id),
        "resent_as": letter.resent_as or None,
        "links": {"self": letter_path(letter.pk)},
    }


def _tenant(letter: DeadLetter) -> dict[str, str] | None:
    if letter.tenant is None:
        return None
    return {"id": str(letter.tenant.pk), "slug": letter.tenant.slug}


def _error_of(letter: DeadLetter) -> dict[str, Any]:
    from_row = letter.source == Source.JOB and letter.job is not None
    return error_body(letter.code, letter.job.error_params if from_row and letter.job else {})


def group_body(group: LetterGroup) -> dict[str, Any]:
    """Letters of one cause."""
    return {
        "fingerprint": group.fingerprint,
        "kind": group.kind or None,
        "code": group.code,
        "title": group.title,
        "queues": list(group.queues),
        "sources": list(group.sources),
        "letters": group.letters,
        "open": group.open,
        "tenants": group.tenants,
        "first_at": instant(group.first_at),
        "last_at": instant(group.last_at),
    }


# ---------------------------------------------------------------------------- a story


def story_body(story: LetterStory) -> dict[str, Any]:
    """A letter with all that is known about it."""
    return {
        **letter_body(story.letter),
        "message": None if story.message is None else _message(story.message),
        "row": None if story.job is None else _job(story.job),
        "replay": preview_body(story.replay),
        "replays": [{"replay": str(item.replay_id), **_item(item)} for item in story.items],
        "before": [letter_body(letter) for letter in story.before],
        "after": [letter_body(letter) for letter in story.after],
        "actions": [_action(action) for action in story.actions],
    }


def _message(message: MessageStory) -> dict[str, Any]:
    return {
        "body": message.body,
        "size": message.size,
        "is_cut": message.is_cut,
        "attributes": message.attributes,
    }


def _job(story: JobStory) -> dict[str, Any]:
    job = story.job
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "kind_version": job.kind_version,
        "queue": job.queue,
        "priority": job.priority,
        "state": job.state,
        "version": job.version,
        "attempt": job.attempt,
        "failures": job.failures,
        "losses": job.losses,
        "phase": job.phase,
        "step": job.step,
        "percent": round(job.percent, 1),
        "submitted_by": job.submitted_by,
        "request_id": job.request_id or None,
        "traceparent": job.traceparent or None,
        "created_at": instant(job.created_at),
        "published_at": instant(job.published_at),
        "started_at": instant(job.started_at),
        "finished_at": instant(job.finished_at),
        "params": story.params,
        "parent": reference(job.parent_id),
        "replay_of": reference(job.replay_of_id),
        "attempts": [_attempt(attempt) for attempt in story.attempts],
        "events": [_event(event) for event in story.events],
        "logs": [_log(line) for line in story.logs],
        "artifacts": [vars(artifact) for artifact in story.artifacts],
        "effects": [_effect(effect) for effect in story.effects],
    }


def _attempt(attempt: JobAttempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "phase": attempt.phase,
        "worker": attempt.worker,
        "host_kind": attempt.host_kind,
        "message_id": attempt.message_id or None,
        "receive_count": attempt.receive_count,
        "started_at": instant(attempt.started_at),
        "ended_at": instant(attempt.ended_at),
        "outcome": attempt.outcome or None,
        "error": _error(attempt.error_code, attempt.error_params),
        "detail": attempt.detail or None,
    }


def _event(event: JobEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "at": instant(event.at),
        "type": event.type,
        "from_state": event.from_state or None,
        "state": event.to_state,
        "attempt": event.attempt,
        "data": mask_value(event.data),
    }


def _log(line: JobLog) -> dict[str, Any]:
    return {
        "attempt": line.attempt,
        "seq": line.seq,
        "at": instant(line.at),
        "level": line.level,
        "logger": line.logger,
        "message": line.message,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "key": mask_value(effect.key),
        "state": effect.state,
        "attempt": effect.attempt,
        "error_code": effect.error_code or None,
        "created_at": instant(effect.created_at),
        "updated_at": instant(effect.updated_at),
    }


def _action(action: OperatorAction) -> dict[str, Any]:
    return {
        "at": instant(action.at),
        "by": action.by,
        "action": action.action,
        "target": action.target,
        "reason": action.reason,
        "data": action.data,
    }


# ---------------------------------------------------------------------------- replays


def preview_body(seen: Preview) -> dict[str, Any]:
    """What running a letter again would do."""
    return {
        "letter": str(seen.letter.pk),
        "deed": seen.deed.value,
        "job": reference(seen.letter.root_id),
        "params": None if seen.params is None else mask_value(seen.params),
        "problem": _problem(seen.problem),
    }


def plan_body(plan: Plan, *, per_minute: int) -> dict[str, Any]:
    """What a group replay would do."""
    return {
        "runs": len(plan.runs),
        "flows": flows(plan.runs),
        "along": len(plan.along),
        "blocked": len(plan.blocked),
        "left_out": plan.left_out,
        "minutes": minutes(len(plan.runs), per_minute),
        "kinds": dict(plan.kinds),
        "tenants": dict(plan.tenants),
        "canary": preview_body(plan.runs[0]) if plan.runs else None,
        "problems": [
            {"count": count, "error": _problem(seen.problem)} for count, seen in plan.problems
        ],
        "examples": [preview_body(seen) for seen in plan.blocked[:EXAMPLES]],
    }


def replay_body(view: ReplayView) -> dict[str, Any]:
    """The replay of a group."""
    replay = view.replay
    return {
        "id": str(replay.pk),
        "fingerprint": replay.fingerprint or None,
        "state": replay.state,
        "created_at": instant(replay.created_at),
        "created_by": replay.created_by,
        "ended_at": instant(replay.ended_at),
        "reason": replay.reason,
        "params_patch": None if replay.params_patch is None else mask_value(replay.params_patch),
        "per_minute": replay.per_minute,
        "max_in_flight": replay.max_in_flight,
        "error": _error(replay.code, replay.code_params),
        "counts": view.counts,
        "links": {"self": reverse("deadletters:replay_group", args=[replay.pk])},
    }


def items_body(items: Sequence[ReplayItem]) -> list[dict[str, Any]]:
    """Letters of a replay."""
    return [{"letter": str(item.letter_id), **_item(item)} for item in items]


def _item(item: ReplayItem) -> dict[str, Any]:
    return {
        "position": item.position,
        "state": item.state,
        "job": reference(item.job_id),
        "error": _error(item.code, item.code_params),
        "sent_at": instant(item.sent_at),
        "ended_at": instant(item.ended_at),
    }


def _error(code: str, params: dict[str, Any]) -> dict[str, Any] | None:
    return error_body(code, params) if code else None


def _problem(problem: AppError | None) -> dict[str, Any] | None:
    return None if problem is None else error_body(problem.code, problem.params)
