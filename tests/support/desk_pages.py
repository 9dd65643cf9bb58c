"""A page and what its script calls, behind the desk; use with ``pytest.mark.urls``."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import AppError
from academy.desk.links import Purpose
from academy.desk.rest import link_made
from academy.desk.visits import Visit, VisitView, page, show
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

PURPOSE = Purpose(
    "pupil", ids=("pupil_id",), scopes=frozenset({Scope.STUDENTS_READ, Scope.STUDENTS_WRITE})
)


class LinkView(APIView):
    required_scopes = {"POST": Scope.STUDENTS_READ}

    def post(self, request: Request, pupil_id: UUID) -> Response:
        return link_made(request, PURPOSE, {"pupil_id": pupil_id})


@page(PURPOSE)
def pupil(request: HttpRequest, visit: Visit, pupil_id: UUID) -> HttpResponse:
    if "gone" in request.GET:
        raise AppError("not_found")
    return show(request, visit, "desk/base.html", texts={"hello": str(pupil_id)})


class MemoView(VisitView):
    purpose = PURPOSE
    required_scopes = {"GET": Scope.STUDENTS_READ, "POST": Scope.STUDENTS_WRITE}

    def get(self, request: Request, pupil_id: UUID) -> Response:
        principal = principal_of(request)
        return Response({"by": principal.name, "tenant": principal.tenant.slug})

    def post(self, request: Request, pupil_id: UUID) -> Response:
        return Response({"by": self.visit.by, "written": request.data})


urlpatterns = [
    path("", include("academy.urls")),
    path("api/v1/pupils/<uuid:pupil_id>/link", LinkView.as_view()),
    path("desk/pupil/<uuid:pupil_id>", pupil),
    path("desk/pupil/<uuid:pupil_id>/memo", MemoView.as_view()),
]
