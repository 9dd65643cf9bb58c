"""The deep check: a tiny job through every queue, and which link broke."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from academy.core.errors import AppError
from academy.ops.console.pages import language, operator, require_form, said, show
from academy.ops.deep import check
from academy.ops.deep.findings import finding
from academy.ops.deep.report import PartResult, QueueResult, Verdict

_LIVE_SECONDS = 2


@dataclass(frozen=True)
class Row:
    """One part or one queue, with its sentence in the page's language."""

    result: PartResult | QueueResult
    message: str
    action: str
    runbook: str


@require_form
def checks(request: HttpRequest) -> HttpResponse:
    """The last check, live while it runs (GET); begin another (POST)."""
    if request.method == "POST":
        try:
            check.start(by=operator(request))
        except AppError as error:
            messages.error(request, said(error))
        return redirect("console:check")
    report = check.latest()
    runs = report is not None and report.verdict is Verdict.RUNNING
    return show(
        request,
        "check.html",
        section="check",
        live=_LIVE_SECONDS if runs else None,
        report=report,
        verdict=report.verdict.value if report else "",
        queues=[_row(result) for result in report.queues] if report else [],
        parts=[_row(result) for result in report.parts] if report else [],
    )


def _row(result: PartResult | QueueResult) -> Row:
    meant = finding(result.finding)
    return Row(
        result=result,
        message=meant.message(language(), result.facts),
        action=meant.action(language(), result.facts),
        runbook=meant.runbook_path,
    )
