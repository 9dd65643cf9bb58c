"""What operators type about dead letters."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext, gettext_lazy

from academy.deadletters import services
from academy.deadletters.models import REASON_CHARS, DeadLetter, LetterState, Source
from academy.deadletters.rerun import Edit
from academy.deadletters.selectors import LetterFilter
from academy.ops.console.forms import TenantField, queue_names, set_choices
from academy.ops.console.pages import ReasonField
from academy.ops.templatetags.letters import STATES

_LONGEST_BODY: Final = 1_048_576


class LetterFilterForm(forms.Form):
    """Which letters."""

    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    source = forms.ChoiceField(label=gettext_lazy("What"), required=False)
    queue = forms.ChoiceField(label=gettext_lazy("Queue"), required=False)
    kind = forms.CharField(label=gettext_lazy("Kind"), required=False, max_length=64)
    tenant = TenantField()

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query, auto_id="filter_%s")
        any_ = ("", gettext("any"))
        choices: dict[str, list[tuple[str, Any]]] = {
            "state": [
                ("", STATES[LetterState.OPEN][0]),
                *((value, STATES[value][0]) for value in LetterState.values[1:]),
                ("all", gettext("any")),
            ],
            "source": [
                any_,
                (Source.JOB.value, gettext("dead jobs")),
                (Source.MESSAGE.value, gettext("dead messages")),
            ],
            "queue": [any_, *((name, name) for name in queue_names())],
        }
        for name, values in choices.items():
            set_choices(self, name, values)

    def wanted(self, fingerprint: str | None = None) -> LetterFilter:
        """The filter of a valid form."""
        values = self.cleaned_data
        states = {"": (LetterState.OPEN.value,), "all": tuple(LetterState.values)}
        return LetterFilter(
            states=states.get(values["state"], (values["state"],)),
            source=values["source"] or None,
            queue=values["queue"] or None,
            kind=values["kind"].strip() or None,
            tenant=values["tenant"].pk if values["tenant"] else None,
            fingerprint=fingerprint,
        )


class DiscardForm(forms.Form):
    """Why nothing needs to be done."""

    reason = ReasonField(max_length=REASON_CHARS)


class StopForm(forms.Form):
    """Why a replay is stopped."""

    reason = ReasonField(required=False, max_length=REASON_CHARS)


class PatchField(forms.JSONField):
    """A JSON value; none is an empty field, and not the word null."""

    def prepare_value(self, value: Any) -> Any:
        """What stands in the field."""
        return "" if value is None else super().prepare_value(value)


class PatchForm(forms.Form):
    """Parameters to change, and why."""

    patch = PatchField(
        label=gettext_lazy("Parameters to change"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "mono"}),
        help_text=gettext_lazy(
            'A JSON object with the changed members alone, such as {"quality": "low"}; '
            "null removes one. Empty: as it was."
        ),
    )

    def clean_patch(self) -> dict[str, Any] | None:
        """A patch is an object; nothing typed is none."""
        patch = self.cleaned_data["patch"]
        if patch is not None and not isinstance(patch, dict):
            raise ValidationError(gettext("Give a JSON object."))
        return patch


class RunForm(PatchForm):
    """How to run one dead job again."""

    reason = ReasonField(required=False, max_length=REASON_CHARS)

    def edit(self) -> Edit:
        """What a valid form changes."""
        return Edit(patch=self.cleaned_data["patch"])


class PlainRunForm(forms.Form):
    """How to run again what has no parameters of its own."""

    reason = ReasonField(required=False, max_length=REASON_CHARS)

    def edit(self) -> Edit:
        """Nothing."""
        return Edit()


class ResendForm(forms.Form):
    """How to send a message again that workers refuse."""

    body = forms.CharField(
        label=gettext_lazy("Another body"),
        required=False,
        max_length=_LONGEST_BODY,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "mono"}),
        help_text=gettext_lazy("Sent in place of the message's own. Empty: as it was."),
    )
    resend = forms.BooleanField(
        label=gettext_lazy("Send it although workers refuse such messages"), required=False
    )
    reason = ReasonField(required=False, max_length=REASON_CHARS)

    def edit(self) -> Edit:
        """What a valid form changes."""
        return Edit(body=self.cleaned_data["body"] or None, resend=self.cleaned_data["resend"])


def run_form_of(letter: DeadLetter) -> type[RunForm | PlainRunForm | ResendForm]:
    """The form that fits a letter."""
    if letter.source == Source.JOB:
        return RunForm if letter.root_id == letter.job_id else PlainRunForm
    return PlainRunForm if letter.code == "message_unanswered" else ResendForm


class GroupForm(PatchForm):
    """How to replay a group."""

    per_minute = forms.IntegerField(
        label=gettext_lazy("At most a minute"),
        min_value=1,
        max_value=services.MOST_PER_MINUTE,
        initial=services.DEFAULT_PER_MINUTE,
    )
    max_in_flight = forms.IntegerField(
        label=gettext_lazy("At most at once"),
        min_value=1,
        max_value=services.MOST_IN_FLIGHT,
        initial=services.DEFAULT_IN_FLIGHT,
    )
    reason = ReasonField(required=False, max_length=REASON_CHARS)
