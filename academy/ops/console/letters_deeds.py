"""What an operator does with dead letters; each deed is shown before it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext, ngettext

from academy.deadletters import selectors, services
from academy.deadletters.models import Replay
from academy.deadletters.plan import Group, Plan, minutes
from academy.deadletters.rerun import Preview
from academy.ops.console.letter_forms import DiscardForm, GroupForm, StopForm, run_form_of
from academy.ops.console.letters import cause_of
from academy.ops.console.pages import (
    ConfirmForm,
    confirm,
    operator,
    posted,
    require_form,
    show,
    shown_json,
    tried,
)

_TENANTS_SHOWN: Final = 20


@require_form
def letter_replay(request: HttpRequest, letter_id: UUID) -> HttpResponse:
    """Run one letter again: look first, then do it."""
    letter = selectors.letter_get(letter_id)
    form = run_form_of(letter)(posted(request))
    status = 200
    seen: Preview | None = None

    def act(values: Mapping[str, Any]) -> str:
        services.replay(
            letter_id=letter_id, by=operator(request), edit=form.edit(), reason=values["reason"]
        )
        return gettext("It runs again.")

    if request.method == "POST" and form.is_valid():
        seen = services.replay_preview(letter_id=letter_id, edit=form.edit())
        if "act" in request.POST:
            refused = tried(request, form, act)
            if refused is None:
                return redirect("console:letter", letter_id=letter_id)
            status = refused
    elif request.method == "POST":
        status = 400
    else:
        seen = services.replay_preview(letter_id=letter_id)
    return show(
        request,
        "letters_run.html",
        section="letters",
        status=status,
        letter=letter,
        form=form,
        seen=seen,
        params=None if seen is None or seen.params is None else shown_json(seen.params),
    )


@require_form
def letter_discard(request: HttpRequest, letter_id: UUID) -> HttpResponse:
    """Say that nothing needs to be done about one letter."""
    selectors.letter_get(letter_id)

    def act(values: Mapping[str, Any]) -> str:
        services.discard(letter_id=letter_id, by=operator(request), reason=values["reason"])
        return gettext("Discarded.")

    return confirm(
        request,
        DiscardForm(posted(request)),
        section="letters",
        title=gettext("Discard this dead letter?"),
        effects=[
            gettext("It leaves the list of what is open; it is kept, with your reason."),
            gettext("Nothing is run, and nothing is told to the academy."),
        ],
        button=gettext("Discard"),
        back=resolve_url("console:letter", letter_id=letter_id),
        act=act,
        danger=True,
    )


@require_form
def group_discard(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """Say that nothing needs to be done about a cause."""
    cause = cause_of(fingerprint)
    group = Group(fingerprint=fingerprint)

    def act(values: Mapping[str, Any]) -> str:
        reason = values["reason"]
        done = services.discard_group(group=group, by=operator(request), reason=reason)
        text = ngettext("%(n)s letter was discarded.", "%(n)s letters were discarded.", len(done))
        return text % {"n": f"{len(done):,}"}

    return confirm(
        request,
        DiscardForm(posted(request)),
        section="letters",
        title=gettext("Discard all open letters of this cause?"),
        effects=[
            ngettext("%(n)s letter is open.", "%(n)s letters are open.", cause.open)
            % {"n": f"{cause.open:,}"},
            gettext("They leave the list of what is open; they are kept, with your reason."),
            gettext("Letters that a replay has on its list stay."),
        ],
        button=gettext("Discard them"),
        back=resolve_url("console:letter-group", fingerprint=fingerprint),
        act=act,
        danger=True,
    )


# ---------------------------------------------------------------------------- groups


@require_form
def group_replay(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """Replay a cause: see the plan, then begin with the canary."""
    cause = cause_of(fingerprint)
    group = Group(fingerprint=fingerprint)
    form = GroupForm(posted(request))
    status = 200
    plan: Plan | None = None
    begun: list[Replay] = []

    def act(values: Mapping[str, Any]) -> str:
        begun.append(services.replay_group(group=group, by=operator(request), **values))
        return gettext("The replay has begun with its canary.")

    if request.method == "POST" and form.is_valid():
        if "act" in request.POST:
            refused = tried(request, form, act)
            if refused is None:
                return redirect("console:replay", replay_id=begun[0].pk)
            status = refused
        plan = services.replay_plan(group=group, patch=form.cleaned_data["patch"])
    elif request.method == "POST":
        status = 400
    else:
        plan = services.replay_plan(group=group)
    pace = form.cleaned_data.get("per_minute") if form.is_bound else None
    return show(
        request,
        "letters_replay.html",
        section="letters",
        status=status,
        group=cause,
        form=form,
        plan=plan,
        wait=None
        if plan is None
        else minutes(len(plan.runs), pace or services.DEFAULT_PER_MINUTE) * 60,
        kinds=[] if plan is None else plan.kinds.most_common(),
        tenants=[] if plan is None else plan.tenants.most_common(_TENANTS_SHOWN),
        problems=[] if plan is None else plan.problems,
    )


@require_form
def replay_pause(request: HttpRequest, replay_id: UUID) -> HttpResponse:
    """Let it rest."""

    def act(_values: Mapping[str, Any]) -> str:
        services.replay_pause(replay_id=replay_id, by=operator(request))
        return gettext("The replay rests.")

    return _turn(
        request,
        replay_id,
        title=gettext("Pause this replay?"),
        effects=[gettext("Nothing more is run until somebody resumes it; what runs goes on.")],
        button=gettext("Pause"),
        act=act,
    )


@require_form
def replay_resume(request: HttpRequest, replay_id: UUID) -> HttpResponse:
    """Let it go on."""

    def act(_values: Mapping[str, Any]) -> str:
        services.replay_resume(replay_id=replay_id, by=operator(request))
        return gettext("The replay goes on.")

    return _turn(
        request,
        replay_id,
        title=gettext("Resume this replay?"),
        effects=[gettext("It goes on where it was paused, at its own pace.")],
        button=gettext("Resume"),
        act=act,
    )


@require_form
def replay_stop(request: HttpRequest, replay_id: UUID) -> HttpResponse:
    """End it."""

    def act(values: Mapping[str, Any]) -> str:
        services.replay_stop(replay_id=replay_id, by=operator(request), reason=values["reason"])
        return gettext("The replay is stopped.")

    return _turn(
        request,
        replay_id,
        form=StopForm(posted(request)),
        title=gettext("Stop this replay?"),
        effects=[
            gettext("What runs goes on; letters whose turn has not come are open as before."),
            gettext("It cannot be resumed. A new replay can take what is left."),
        ],
        button=gettext("Stop"),
        act=act,
        danger=True,
    )


def _turn(
    request: HttpRequest,
    replay_id: UUID,
    *,
    act: Callable[[Mapping[str, Any]], str],
    form: StopForm | None = None,
    **words: Any,
) -> HttpResponse:
    selectors.replay_get(replay_id)
    return confirm(
        request,
        form or ConfirmForm(posted(request)),
        section="letters",
        back=resolve_url("console:replay", replay_id=replay_id),
        act=act,
        **words,
    )
