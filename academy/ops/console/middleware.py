"""What holds for every page below ``/console``, said once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone

from academy.core.clock import KST
from academy.core.errors import AppError
from academy.core.http.middleware import Handler
from academy.core.http.problems import problem_response
from academy.ops.console.pages import problem_page

"""Operators and academies are in Korea; every page says so."""

ROOT: Final = "/console"
_LOGIN: Final = "console:login"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

View = Callable[..., HttpResponseBase]


def open_to_all(view: View) -> View:
    """Mark a view of the console that needs no login."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def _is_console(request: HttpRequest) -> bool:
    return request.path == ROOT or request.path.startswith(f"{ROOT}/")


class ConsolePagesMiddleware:
    """Korean time, a strict policy, nothing kept in caches, and pages instead of JSON problems.

    It stands outside all others, so that whatever refuses a request, a reader sees a page.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with a page, whatever happens."""
        if not _is_console(request):
            return self.get_response(request)
        with timezone.override(KST):
            response = self.get_response(request)
            if response.status_code >= 400 and _is_json(response):
                assert isinstance(response, HttpResponse)
                _become_page(request, response)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Cache-Control"] = "no-store"
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """What a service refuses, and a database that is away, are answers and not crashes."""
        expected = isinstance(error, AppError | OperationalError | InterfaceError)
        return problem_response(error) if expected and _is_console(request) else None


def _is_json(response: HttpResponseBase) -> bool:
    return str(response.headers.get("Content-Type", "")).startswith("application/json")


def _become_page(request: HttpRequest, response: HttpResponse) -> None:
    """Show a JSON problem as a page; its other headers stay."""
    problem: dict[str, Any] = json.loads(response.content)
    response.content = problem_page(request, problem, status=response.status_code).encode()
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers["Content-Length"] = str(len(response.content))


class ConsoleAccessMiddleware:
    """Staff only, for every view that does not say otherwise."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; the view decides."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        """Send strangers to the login and refuse members of academies."""
        if not _is_console(request) or getattr(view, "open_to_all", False):
            return None
        user = request.user
        if user.is_authenticated and user.is_active and user.is_staff:
            return None
        if user.is_authenticated:
            raise PermissionDenied
        if "HX-Request" in request.headers:
            return _redirect_whole_page(request)
        return redirect_to_login(request.get_full_path(), resolve_url(_LOGIN))


def _redirect_whole_page(request: HttpRequest) -> HttpResponse:
    """A session that ended while a page refreshed itself: the page goes, not its fragment."""
    shown = urlsplit(request.headers.get("HX-Current-URL", ""))
    back = shown.path if shown.path.startswith(ROOT) else ROOT
    login = redirect_to_login(f"{back}?{shown.query}" if shown.query else back, resolve_url(_LOGIN))
    return HttpResponse(status=401, headers={"HX-Redirect": login.url})
