"""How a view of the console answers: a page, a confirmation, or a problem."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from academy.core import clock
from academy.core.catalogue import Language
from academy.core.errors import AppError
from academy.core.masking import mask_value
from academy.fleet.services import REASON_CHARS

_SHOWN_CHARS: Final = 20_000


def show(
    request: HttpRequest,
    template: str,
    *,
    section: str = "",
    live: int | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """A page of the console.

    ``section`` is the entry of the navigation it belongs to; ``live`` has the ``content`` block
    fetched anew every so many seconds.
    """
    context |= {"section": section, "live": live, "now": clock.now()}
    return render(request, f"console/{template}", context, status=status)


def operator(request: HttpRequest) -> str:
    """Who acts, as rows and the audit log name them."""
    return f"user:{request.user.pk}"


def language() -> Language:
    """The page's language, for texts that the platform keeps in both."""
    return "en" if (translation.get_language() or "").startswith("en") else "ko"


require_form = require_http_methods(["GET", "HEAD", "POST"])
"""A page with a form: seen with GET, sent with POST."""


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is made of: the fields of a POST, also where there are none."""
    return request.POST if request.method == "POST" else None


def said(error: AppError) -> str:
    """What an error says, and what to do about it, in the page's language."""
    return f"{error.message(language())} {error.action(language())}"


def shown_json(value: object) -> str:
    """A stored value as text, without phone numbers and secrets, cut at what a page can carry."""
    text = json.dumps(mask_value(value), ensure_ascii=False, indent=2)
    if len(text) > _SHOWN_CHARS:
        return text[:_SHOWN_CHARS] + "\n…"
    return text


class ReasonField(forms.CharField):
    """Why, in a sentence."""

    def __init__(self, *, required: bool = True, max_length: int = REASON_CHARS) -> None:
        super().__init__(
            label=gettext_lazy("Reason"),
            required=required,
            max_length=max_length,
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
            help_text=gettext_lazy("For the audit log: whoever comes after you reads it."),
        )


class ReasonForm(forms.Form):
    """Why an operator does something."""

    reason = ReasonField()


class ConfirmForm(forms.Form):
    """Nothing to fill in: only the question."""


def tried(
    request: HttpRequest, form: forms.Form, act: Callable[[Mapping[str, Any]], str]
) -> int | None:
    """Do a deed with the form's values, and tell the operator of it.

    Where the deed was refused, the reason stands with the form, and the status of its page is
    returned; None where it was done.
    """
    try:
        done = act(form.cleaned_data)
    except AppError as error:
        fields = error.params.get("fields")
        named = f" {shown_json(fields)}" if fields else ""
        form.add_error(None, f"{said(error)}{named}")
        return error.status
    messages.success(request, done)
    return None


def confirm(
    request: HttpRequest,
    form: forms.Form,
    *,
    section: str,
    title: str,
    effects: list[str],
    button: str,
    back: str,
    act: Callable[[Mapping[str, Any]], str],
    danger: bool = False,
) -> HttpResponse:
    """Ask before a deed (GET), do it (POST), and go back.

    ``effects`` say in plain words what will happen. ``act`` is given the form's values and
    returns what to tell the operator, or raises AppError, which is shown with the form.
    """
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            refused = tried(request, form, act)
            if refused is None:
                return redirect(back)
            status = refused
    return show(
        request,
        "confirm.html",
        section=section,
        status=status,
        form=form,
        title=title,
        effects=effects,
        button=button,
        back=back,
        danger=danger,
    )


def problem_page(request: HttpRequest, problem: Mapping[str, Any], *, status: int) -> str:
    """A problem of the API as a page, which asks neither the database nor the session."""
    chosen = translation.get_language_from_request(request)
    with translation.override(chosen):
        error = problem["error"]
        context = {
            "status": status,
            "code": error["code"],
            "message": error["message"][language()],
            "action": error["action"][language()],
            "request_id": problem["request_id"],
        }
        return render_to_string("console/problem.html", context)
