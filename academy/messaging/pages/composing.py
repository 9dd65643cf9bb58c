"""The page on which a campaign is written, and what its script asks for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from academy.core.errors import AppError
from academy.core.http.serializers import (
    StrictCharField,
    StrictSerializer,
    parse_body,
    parse_query,
)
from academy.desk.visits import Visit, VisitView, page, show
from academy.messaging import asking, measuring, preview, selectors
from academy.messaging.pages import bodies, texts
from academy.messaging.pages.purposes import MESSAGES
from academy.messaging.pages.selection import (
    ComposedSerializer,
    TypingSerializer,
    groups,
    request_of,
)
from academy.messaging.policy import policy_of
from academy.messaging.text import ALIMTALK_CHARS, LMS_BYTES, SMS_BYTES
from academy.roster.models import Student
from academy.roster.selectors import students_list
from academy.tenants.models import Tenant
from academy.tenants.scopes import Scope

_TEMPLATES: Final = 300
_FOUND: Final = 20
_TOKEN_CHARS: Final = 100


class FindSerializer(StrictSerializer):
    """Whom to look for."""

    q = serializers.CharField(max_length=40)


class TokenSerializer(StrictSerializer):
    """Which preview."""

    token = StrictCharField(max_length=_TOKEN_CHARS)


class MessagesVisitView(VisitView):
    """A view of the academy that the visit is for."""

    purpose = MESSAGES

    @property
    def tenant(self) -> Tenant:
        """It."""
        return self.visit.tenant


@page(MESSAGES)
def compose(request: HttpRequest, visit: Visit, tenant_id: UUID) -> HttpResponse:  # noqa: ARG001
    """Write, see at once what it would be, preview, confirm."""
    if Scope.MESSAGES_WRITE not in visit.scopes:
        raise AppError("scope_missing", scope=Scope.MESSAGES_WRITE.value)
    policy = policy_of(visit.tenant)
    return show(
        request,
        visit,
        "messaging/compose.html",
        policy=policy,
        data={
            "root": visit.root,
            "templates": _templates(visit.tenant),
            "groups": groups(visit.tenant),
            "known": sorted(bodies.KNOWN),
            "prices": bodies.prices_body(),
            "limits": {"sms": SMS_BYTES, "lms": LMS_BYTES, "alimtalk": ALIMTALK_CHARS},
            "most": policy.most_per_send,
            "sample": measuring.MOST,
            "sender": policy.sender,
        },
        texts=texts.compose_texts(),
    )


class MeasureView(MessagesVisitView):
    """What it would be, while it is being written."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    def post(self, request: Request, tenant_id: UUID) -> Response:  # noqa: ARG002
        """Nothing is stored. What is wrong with the text as a whole is told in ``error``."""
        values = parse_body(request, TypingSerializer)
        wanted, total = request_of(self.tenant, values), values["who"].get("total")
        try:
            measured = measuring.measure(tenant=self.tenant, request=wanted, total=total)
        except AppError as error:
            return Response(bodies.refused_body(self.tenant, total or len(wanted.to), error))
        return Response(bodies.measured_body(self.tenant, wanted, measured))


class PreviewView(MessagesVisitView):
    """What would be sent, written down."""

    most_body_bytes = asking.MOST_BYTES
    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    def post(self, request: Request, tenant_id: UUID) -> Response:  # noqa: ARG002
        """Every message, and the token that sends exactly these. Raises as the REST preview."""
        wanted = request_of(self.tenant, parse_body(request, ComposedSerializer))
        made = preview.campaign_preview(tenant=self.tenant, request=wanted, by=self.visit.by)
        body = bodies.preview_body(self.tenant, made)
        return Response(body, status=HTTPStatus.CREATED)


class ConfirmView(MessagesVisitView):
    """Send it."""

    required_scopes = {"POST": Scope.MESSAGES_WRITE}

    def post(self, request: Request, tenant_id: UUID) -> Response:  # noqa: ARG002
        """Once: a second click is told 409 ``message_preview_used``."""
        token = parse_body(request, TokenSerializer)["token"]
        campaign = preview.campaign_confirm(tenant=self.tenant, token=token, by=self.visit.by)
        return Response({"id": str(campaign.pk)}, status=HTTPStatus.ACCEPTED)


class StudentsView(MessagesVisitView):
    """The academy's students, for whoever chooses them one by one."""

    required_scopes = {"GET": Scope.MESSAGES_WRITE}

    def get(self, request: Request, tenant_id: UUID) -> Response:  # noqa: ARG002
        """Those of this name, number or last digits of the parent's phone."""
        wanted = parse_query(request, FindSerializer, also=frozenset())
        found = students_list(tenant=self.tenant, search=wanted["q"]).order_by("name", "pk")
        return Response({"students": [_student(one) for one in found[:_FOUND]]})


def _student(student: Student) -> dict[str, Any]:
    about = (student.school, student.grade, student.class_name)
    return {
        "id": str(student.pk),
        "name": student.name,
        "about": " · ".join(text for text in about if text),
    }


def _templates(tenant: Tenant) -> list[dict[str, Any]]:
    found = list(selectors.template_list(tenant=tenant).order_by("name", "id")[:_TEMPLATES])
    current = selectors.versions_current(tenant=tenant, templates=found)
    return [bodies.template_body(*pair) for pair in zip(found, current, strict=True)]
