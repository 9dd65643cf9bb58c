"""The outbox of the platform's own stand-ins for a provider: each message as a phone shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from academy.core.errors import AppError
from academy.core.http.pagination import newest_first
from academy.core.http.serializers import NothingSerializer, parse_query
from academy.core.http.values import instant
from academy.desk.visits import Visit, page, show
from academy.messaging import shown
from academy.messaging.fields import MessageState
from academy.messaging.models import Message
from academy.messaging.pages import texts
from academy.messaging.pages.composing import MessagesVisitView
from academy.messaging.pages.purposes import MESSAGES
from academy.messaging.providers.local import ConsoleProvider, SandboxProvider
from academy.tenants.models import Tenant
from academy.tenants.scopes import Scope

_KEPT: Final = (ConsoleProvider.name, SandboxProvider.name)
_SHOWN: Final = 24


def is_kept() -> bool:
    """Whether there is one: a real provider's messages are on real phones, and not here."""
    return settings.MESSAGING_PROVIDER in _KEPT


@page(MESSAGES)
def outbox(request: HttpRequest, visit: Visit, tenant_id: UUID) -> HttpResponse:  # noqa: ARG001
    """What phones would have got, the last first."""
    rows = _sent(visit.tenant).select_related("student", "campaign")
    cursor = request.GET.get("cursor")
    found, following = newest_first(rows, by="sending_at", cursor=cursor, limit=_SHOWN)
    return show(
        request,
        visit,
        "messaging/outbox.html",
        rows=[_bubble(one) for one in found],
        following=following,
        is_first=cursor is None,
        provider=settings.MESSAGING_PROVIDER,
        data={"root": visit.root, "newest": _newest(visit.tenant)},
        texts=texts.outbox_texts(),
    )


class NewestView(MessagesVisitView):
    """Whether there is more."""

    required_scopes = {"GET": Scope.MESSAGES_READ}

    def get(self, request: Request, tenant_id: UUID) -> Response:  # noqa: ARG002
        """When the last message left."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response({"newest": _newest(self.tenant)})


def _sent(tenant: Tenant) -> QuerySet[Message]:
    """Raises AppError not_found where messages go to a real provider."""
    if not is_kept():
        raise AppError("not_found")
    return Message.objects.for_tenant(tenant).filter(
        batch__provider__in=_KEPT, sending_at__isnull=False,
        state__in=[MessageState.SENT.value, MessageState.DELIVERED.value],
    )  # fmt: skip


def _newest(tenant: Tenant) -> str | None:
    last: datetime | None = _sent(tenant).aggregate(last=Max("sending_at"))["last"]
    return instant(last)


def _bubble(message: Message) -> dict[str, Any]:
    body = shown.message_body(message)
    return {**body, "at": message.sending_at, "campaign": message.campaign}
