"""What operators type: filters of lists and the values of a deed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext, gettext_lazy

from academy.core import clock
from academy.fleet.queue_access import queue_access
from academy.jobs import kinds
from academy.jobs.states import JobState
from academy.ops.console.pages import ReasonForm
from academy.ops.selectors_jobs import JobFilter
from academy.ops.templatetags.console import state_name
from academy.tenants.models import Tenant

_MOMENT: Final = "%Y-%m-%dT%H:%M"
_MOMENTS: Final = [_MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"]
_BIGGEST: Final = 2_147_483_647

WINDOWS: Final[Mapping[str, timedelta | None]] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "all": None,
}
DEFAULT_WINDOW: Final = "7d"


def _moment_field(label: Any, **options: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_MOMENT)
    return forms.DateTimeField(
        label=label, required=False, widget=widget, input_formats=_MOMENTS, **options
    )


def _any(choices: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [("", gettext_lazy("any")), *choices]


def queue_names() -> list[str]:
    """The queues, in the table's order."""
    return [facts.name for facts in queue_access().facts()]


def set_choices(form: forms.Form, name: str, choices: list[tuple[str, Any]]) -> None:
    """Give a field choices that are known only now."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


class TenantField(forms.CharField):
    """An academy by its slug: its row, or None where nothing was typed."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Academy"),
            required=False,
            max_length=40,
            widget=forms.TextInput(attrs={"placeholder": gettext_lazy("slug")}),
        )

    def clean(self, value: Any) -> Tenant | None:
        """Find it. Raises ValidationError for a slug that nobody has."""
        slug: str = super().clean(value)
        if not slug:
            return None
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise forms.ValidationError(gettext("There is no such academy."))
        return tenant


class JobFilterForm(forms.Form):
    """Which jobs to list."""

    find = forms.CharField(label=gettext_lazy("Job or request"), required=False, max_length=64)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    queue = forms.ChoiceField(label=gettext_lazy("Queue"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    tenant = TenantField()
    within = forms.ChoiceField(label=gettext_lazy("Submitted"), required=False)
    since = _moment_field(gettext_lazy("From"))
    until = _moment_field(gettext_lazy("Until"))
    parent = forms.UUIDField(required=False, widget=forms.HiddenInput)
    whole = forms.BooleanField(label=gettext_lazy("Without parts of flows"), required=False)

    def __init__(self, query: QueryDict) -> None:
        data = query.copy()
        data.setdefault("within", DEFAULT_WINDOW)
        super().__init__(data, auto_id="filter_%s")
        names = {
            "state": [(state.value, state_name(state.value)) for state in JobState],
            "queue": [(name, name) for name in queue_names()],
            "kind": [(spec.name, spec.name) for spec in kinds.all_kinds()],
        }
        for name, choices in names.items():
            set_choices(self, name, _any(choices))
        set_choices(self, "within", [(name, window_name(name)) for name in WINDOWS])
        self.fields["find"].widget.attrs["placeholder"] = gettext("id")

    def clean(self) -> dict[str, Any] | None:
        """A range that ends before it begins finds nothing, and says so."""
        values = super().clean() or self.cleaned_data
        since, until = values.get("since"), values.get("until")
        if since and until and until <= since:
            self.add_error("until", gettext("This is not after the beginning."))
        return values

    @property
    def window(self) -> str:
        """The chosen length of time back from now."""
        window: str = self.cleaned_data.get("within") or DEFAULT_WINDOW
        return window

    @property
    def is_exact(self) -> bool:
        """Whether moments were given, which then decide instead of the window."""
        return bool(self.cleaned_data.get("since") or self.cleaned_data.get("until"))

    def wanted(self) -> JobFilter:
        """The filter of a valid form."""
        values = self.cleaned_data
        since: datetime | None = values["since"]
        back = WINDOWS[self.window]
        if not self.is_exact and back is not None and values["parent"] is None:
            since = clock.now() - back
        return JobFilter(
            state=values["state"],
            queue=values["queue"],
            kind=values["kind"],
            tenant_id=values["tenant"].pk if values["tenant"] else None,
            request_id=values["find"].strip(),
            parent_id=values["parent"],
            whole_only=values["whole"],
            since=since,
            until=values["until"],
        )


def window_name(name: str) -> str:
    """A window in words."""
    return {
        "1h": gettext("in the last hour"),
        "24h": gettext("in the last 24 hours"),
        "7d": gettext("in the last 7 days"),
        "30d": gettext("in the last 30 days"),
        "all": gettext("ever"),
    }[name]


def _limit_field(label: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=_BIGGEST)


class ExceptionForm(ReasonForm):
    """Limits of one academy that differ from its plan."""

    until = _moment_field(
        gettext_lazy("Until"),
        help_text=gettext_lazy("Korean time. Empty: until somebody removes it."),
    )

    def clean_until(self) -> datetime | None:
        """An end that has passed would change nothing."""
        until: datetime | None = self.cleaned_data["until"]
        if until is not None and until <= clock.now():
            raise forms.ValidationError(gettext("This moment has passed."))
        return until

    def clean(self) -> dict[str, Any] | None:
        """An exception without a limit would change nothing."""
        values = super().clean() or self.cleaned_data
        limits = [value for name, value in values.items() if name not in ("until", "reason")]
        if all(limit is None for limit in limits) and not self.errors:
            raise forms.ValidationError(gettext("Give at least one limit."))
        return values


class LimitForm(ExceptionForm):
    """Of one queue."""

    in_flight = _limit_field(gettext_lazy("In flight at once"))
    backlog = _limit_field(gettext_lazy("Not ended"))
    per_day = _limit_field(gettext_lazy("In 24 hours"))

    field_order = ("in_flight", "backlog", "per_day", "until", "reason")


class VideoLimitForm(ExceptionForm):
    """Of lectures and their viewers."""

    minutes_per_month = _limit_field(gettext_lazy("Minutes of lectures a month"))
    storage_gb = _limit_field(gettext_lazy("Storage in GB"))
    viewings = _limit_field(gettext_lazy("Videos at once, each viewer"))
    devices = _limit_field(gettext_lazy("Devices of each viewer in 30 days"))

    field_order = (
        *("minutes_per_month", "storage_gb", "viewings", "devices"),
        *("until", "reason"),
    )
