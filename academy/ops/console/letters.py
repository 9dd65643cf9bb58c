"""Dead letters: the causes, the letters of one cause, a letter's story, and a replay's progress."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from academy.core.errors import AppError
from academy.core.http.pagination import newest_first
from academy.deadletters import selectors
from academy.deadletters.models import LIVE, LetterState
from academy.deadletters.selectors import LetterFilter, LetterGroup
from academy.deadletters.story import letter_story
from academy.ops import selectors_audit
from academy.ops.console.letter_forms import LetterFilterForm
from academy.ops.console.pages import language, show, shown_json
from academy.ops.story import reason_of, tell

PAGE: Final = 50
_LIVE_SECONDS: Final = 5
_PROGRESS_SECONDS: Final = 3
_LATE_SECONDS: Final = 120.0
"""An inbox that was not read for longer than this is worth a word."""


@require_safe
def letters(request: HttpRequest) -> HttpResponse:
    """What died, by cause."""
    form = LetterFilterForm(request.GET)
    is_valid = form.is_valid()
    found = selectors.groups(form.wanted()) if is_valid else []
    lag = selectors.collection_lag()
    late = [
        inbox
        for inbox in lag.inboxes
        if inbox.problem or inbox.read_seconds is None or inbox.read_seconds > _LATE_SECONDS
    ]
    return show(
        request,
        "letters.html",
        section="letters",
        live=_LIVE_SECONDS if is_valid else None,
        status=200 if is_valid else 400,
        form=form,
        groups=found,
        is_cut=len(found) == selectors.GROUPS_SHOWN,
        open_only=is_valid and not form.cleaned_data["state"],
        lag=lag,
        late=late,
        replays=selectors.replay_views(selectors.replays(live_only=True)),
    )


@require_safe
def group(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """The letters of one cause."""
    cause = cause_of(fingerprint)
    state = request.GET.get("state", "")
    if state not in ("", *LetterState.values):
        raise AppError("not_found")
    wanted = LetterFilter(fingerprint=fingerprint, states=(state,) if state else ())
    rows, cursor = newest_first(
        selectors.letters(wanted),
        by="collected_at",
        cursor=request.GET.get("cursor") or None,
        limit=PAGE,
    )
    return show(
        request,
        "letters_group.html",
        section="letters",
        live=_LIVE_SECONDS if "cursor" not in request.GET else None,
        group=cause,
        state=state,
        states=LetterState.values,
        letters=rows,
        cursor=cursor,
        is_first="cursor" not in request.GET,
        replays=selectors.replay_views(selectors.replays(fingerprint=fingerprint)[:10]),
    )


def cause_of(fingerprint: str) -> LetterGroup:
    """The cause with all its letters. Raises AppError not_found."""
    if "\0" in fingerprint:
        raise AppError("not_found")
    every = LetterFilter(fingerprint=fingerprint, states=tuple(LetterState.values))
    found = selectors.groups(every)
    if not found:
        raise AppError("not_found")
    return found[0]


@require_safe
def letter(request: HttpRequest, letter_id: UUID) -> HttpResponse:
    """One letter's story."""
    story = letter_story(letter_id)
    row = story.letter
    context: dict[str, Any] = {}
    if story.job is not None:
        job = story.job.job
        context = {
            "job": job,
            "steps": tell(job, story.job.events, story.job.attempts, language=language()),
            "params": shown_json(job.params),
            "reason": reason_of(job.error_code, job.error_params),
        }
    at_work = row.state in (LetterState.OPEN, LetterState.REPLAYING)
    return show(
        request,
        "letters_letter.html",
        section="letters",
        live=_LIVE_SECONDS if at_work else None,
        story=story,
        letter=row,
        deeds=selectors_audit.named(story.actions),
        who=selectors_audit.who([row.resolved_by]) if row.resolved_by else {},
        **context,
    )


@require_safe
def replay(request: HttpRequest, replay_id: UUID) -> HttpResponse:
    """How far the replay of a group is."""
    view = selectors.replay_get(replay_id)
    row = view.replay
    ended = view.total - view.counts["waiting"] - view.counts["sent"]
    return show(
        request,
        "letters_progress.html",
        section="letters",
        live=_PROGRESS_SECONDS if row.state in LIVE else None,
        view=view,
        replay=row,
        ended=ended,
        items=selectors.replay_items(replay_id),
        patch=None if row.params_patch is None else shown_json(row.params_patch),
        who=selectors_audit.who([row.created_by]),
        deeds=selectors_audit.actions_page(target=str(row.pk)).deeds,
    )
