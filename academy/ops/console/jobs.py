"""The list of jobs over all academies."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from academy.core.errors import AppError
from academy.jobs.models import Job
from academy.ops.console.forms import WINDOWS, JobFilterForm, window_name
from academy.ops.console.pages import said, show
from academy.ops.selectors_jobs import JobPage, jobs_page


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Jobs that fit the filter, newest first."""
    form = JobFilterForm(request.GET)
    before = _position(request.GET.get("before"))
    if not form.is_valid():
        return _page(request, form, JobPage([], None), status=400)
    if (found := _exactly(form.cleaned_data["find"])) is not None:
        return redirect("console:job", job_id=found)
    try:
        page = jobs_page(form.wanted(), before=before)
    except AppError as error:
        form.add_error(None, said(error))
        return _page(request, form, JobPage([], None), status=error.status)
    return _page(request, form, page, live=None if before else 5)


def _page(
    request: HttpRequest,
    form: JobFilterForm,
    page: JobPage,
    *,
    status: int = 200,
    live: int | None = None,
) -> HttpResponse:
    return show(
        request,
        "jobs.html",
        section="jobs",
        live=live,
        status=status,
        form=form,
        page=page,
        is_first="before" not in request.GET,
        older=_query(request, before=page.older_than),
        wider=_wider(request, form) if status == 200 and page.older_than is None else None,
    )


def _exactly(text: str) -> UUID | None:
    """The job with this id, where the text is one."""
    try:
        job_id = UUID(text.strip())
    except ValueError:
        return None
    return job_id if Job.unscoped.filter(pk=job_id).exists() else None


def _position(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise AppError("invalid_cursor") from None


def _query(request: HttpRequest, **changes: object) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = str(value)
    return query.urlencode()


def _wider(request: HttpRequest, form: JobFilterForm) -> tuple[str, str] | None:
    """The next longer window, for whoever has not found it: its name and the query for it."""
    names = list(WINDOWS)
    if form.is_exact or form.cleaned_data["parent"] or form.window == names[-1]:
        return None
    longer = names[names.index(form.window) + 1]
    return window_name(longer), _query(request, within=longer, before=None)
