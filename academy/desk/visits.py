"""Views of pages: who visits, the strict policy, and refusals as pages or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_safe
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core import logs
from academy.core.catalogue import Language
from academy.core.errors import AppError
from academy.desk.links import Grant, Purpose, opened, standing, visit_begun, visited
from academy.tenants.models import Tenant
from academy.tenants.principal import Principal

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
_SAFE: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Visit:
    """Somebody who opened a page by its link."""

    tenant: Tenant
    grant: Grant
    scopes: frozenset[str]
    root: str

    @property
    def by(self) -> str:
        """Who acts, as the audit trail names them."""
        return self.grant.by

    @property
    def principal(self) -> Principal:
        """The same for services and permissions."""
        return Principal(home=self.tenant, scopes=self.scopes, name=self.by)


def page(
    purpose: Purpose,
) -> Callable[[Callable[Concatenate[HttpRequest, Visit, P], HttpResponse]], View[P]]:
    """Make a view a page of the purpose: it is given the visit, and answers GET.

    With a link's ``token`` the visit begins and the address loses it. An AppError becomes a page.
    """

    def decorate(view: Callable[Concatenate[HttpRequest, Visit, P], HttpResponse]) -> View[P]:
        @wraps(view)
        def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            ids: dict[str, Any] = {name: kwargs[name] for name in purpose.ids}
            try:
                if "token" in request.GET:
                    return _guarded(_begin(request, purpose, ids))
                visit = visit_now(request, purpose, ids)
                logs.bind(principal=visit.by, tenant=visit.tenant.slug)
                return _guarded(view(request, visit, *args, **kwargs))
            except AppError as error:
                return _guarded(_refusal(request, error))

        return require_safe(answer)

    return decorate


@sensitive_variables("token")
def _begin(request: HttpRequest, purpose: Purpose, ids: Mapping[str, UUID]) -> HttpResponse:
    """Exchange a link for a visit, and go to the same page without the token."""
    clean = HttpResponseRedirect(request.path)
    clean.status_code = 303
    token = request.GET["token"]
    try:
        grant = opened(purpose, ids, token)
    except AppError as error:
        if error.code == "page_link_expired" and purpose.cookie in request.COOKIES:
            # The visit that it began lasts longer; whether it still does is seen at once.
            return clean
        raise
    standing(purpose, grant)
    clean.set_cookie(
        purpose.cookie,
        visit_begun(purpose, ids, grant),
        max_age=purpose.visit,
        path=purpose.root(ids),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        # Strict would withhold it from the very redirect: the way here began in a messenger.
        samesite="Lax",
    )
    return clean


def visit_now(request: HttpRequest, purpose: Purpose, ids: Mapping[str, UUID]) -> Visit:
    """The visit of a request.

    Raises AppError: page_visit_ended, page_link_revoked, tenant_inactive.
    """
    grant = visited(purpose, ids, request.COOKIES.get(purpose.cookie, ""))
    tenant, scopes = standing(purpose, grant)
    return Visit(tenant, grant, scopes, purpose.root(ids))


def show(
    request: HttpRequest, visit: Visit, template: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """A page: `template` extends ``desk/base.html``."""
    context |= {"visit": visit, "language": language(request)}
    return render(request, template, context, status=status)


def language(request: HttpRequest) -> Language:
    """The language of the page, for texts that the platform keeps in both."""
    return "en" if str(getattr(request, "LANGUAGE_CODE", "ko")).startswith("en") else "ko"


def _refusal(request: HttpRequest, error: AppError) -> HttpResponse:
    chosen = language(request)
    context = {
        "language": chosen,
        "code": error.code,
        "message": error.message(chosen),
        "action": error.action(chosen),
    }
    return render(request, "desk/problem.html", context, status=error.status)


def _guarded(response: HttpResponse) -> HttpResponse:
    """The headers of every page: nothing foreign runs, nothing is kept, no other site is told."""
    response["Content-Security-Policy"] = content_security_policy()
    response["Cache-Control"] = "private, no-store"
    # Not no-referrer: a form's own Origin would then read "null", and be refused as forged.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def content_security_policy() -> str:
    """Our own scripts and styles, and pictures of the object store."""
    parts = urlsplit(settings.R2_PUBLIC_ENDPOINT_URL)
    objects = f"{parts.scheme}://{parts.netloc}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: {objects}; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class VisitAuthentication(BaseAuthentication):
    """The cookie of a visit, on a `VisitView`; what writes needs the page's own token too."""

    def authenticate(self, request: Request) -> tuple[Any, Principal]:
        """The visitor. Raises AppError as `visit_now` does, PermissionDenied."""
        view: VisitView = request.parser_context["view"]
        ids = {name: view.kwargs[name] for name in view.purpose.ids}
        visit = visit_now(request._request, view.purpose, ids)  # noqa: SLF001 - cookies as they came
        if request.method not in _SAFE:
            _refuse_forged(request)
        view.visit = visit
        logs.bind(principal=visit.by, tenant=visit.tenant.slug)
        return AnonymousUser(), visit.principal


def _refuse_forged(request: Request) -> None:
    """Django's check, which API views are exempt from because they know no cookies."""

    def unused(_request: HttpRequest) -> HttpResponse:
        raise AssertionError("only the checks run")

    check = CSRFCheck(unused)
    check.process_request(request)
    if check.process_view(request, unused, (), {}):
        raise PermissionDenied


class VisitView(APIView):
    """What a page's script asks for: JSON as in the API, with the visit as the credential."""

    purpose: Purpose
    visit: Visit
    authentication_classes = [VisitAuthentication]
    schema = None
    required_scopes: Mapping[str, str] = {}

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        """Nobody keeps what a page was told."""
        response = super().finalize_response(*args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response
