"""Words and tones of dead letters and their replays."""

from __future__ import annotations

from typing import Final

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from academy.core import catalogue
from academy.core.errors import AppError
from academy.deadletters.models import DeadLetter, ItemState, LetterState, ReplayState, Source
from academy.ops.console.pages import language, said
from academy.ops.templatetags.console import Words, tag

register = template.Library()

STATES: Final[Words] = {
    LetterState.OPEN: (gettext_lazy("Open"), "bad"),
    LetterState.REPLAYING: (gettext_lazy("Being run again"), "busy"),
    LetterState.REPLAYED: (gettext_lazy("Was run again"), "good"),
    LetterState.DISCARDED: (gettext_lazy("Discarded"), "idle"),
    LetterState.SUPERSEDED: (gettext_lazy("Went on without it"), "idle"),
}
_REPLAYS: Final[Words] = {
    ReplayState.CANARY: (gettext_lazy("Canary under way"), "busy"),
    ReplayState.RUNNING: (gettext_lazy("Running"), "busy"),
    ReplayState.PAUSED: (gettext_lazy("Paused"), "warn"),
    ReplayState.DONE: (gettext_lazy("Done"), "good"),
    ReplayState.STOPPED: (gettext_lazy("Stopped"), "idle"),
    ReplayState.FAILED: (gettext_lazy("Failed"), "bad"),
}
ITEMS: Final[Words] = {
    ItemState.WAITING: (gettext_lazy("Waits for its turn"), "idle"),
    ItemState.SENT: (gettext_lazy("Under way"), "busy"),
    ItemState.SUCCEEDED: (gettext_lazy("Succeeded"), "good"),
    ItemState.FAILED: (gettext_lazy("Failed"), "bad"),
    ItemState.REFUSED: (gettext_lazy("Cannot be run again"), "warn"),
    ItemState.LEFT: (gettext_lazy("Left as it is"), "idle"),
}


@register.filter
def letter_state(value: str) -> SafeString:
    """What became of a letter."""
    return tag(STATES, value)


@register.filter
def replay_state(value: str) -> SafeString:
    """Where the replay of a group is."""
    return tag(_REPLAYS, value)


@register.filter
def item_state(value: str) -> SafeString:
    """What became of one letter of a replay."""
    return tag(ITEMS, value)


@register.filter
def letter_reason(letter: DeadLetter) -> str:
    """Why it died, in the reader's language."""
    from_row = letter.source == Source.JOB and letter.job is not None
    params = letter.job.error_params if from_row and letter.job else {}
    return catalogue.describe(letter.code).message(language(), params)


@register.filter
def letter_advice(letter: DeadLetter) -> str:
    """What can be done about it, where the catalogue speaks to operators."""
    if letter.source == Source.JOB:
        return ""
    return catalogue.describe(letter.code).action(language(), {})


@register.filter
def problem(error: AppError | None) -> str:
    """What stands in the way, and what to do about it."""
    return "" if error is None else said(error)


@register.filter
def explained(code: str, params: dict[str, object]) -> str:
    """The sentence of a stored code; empty without one."""
    return catalogue.describe(code).message(language(), params) if code else ""
