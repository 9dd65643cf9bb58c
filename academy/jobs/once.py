"""The HTTP side of ``idempotency``: one effect and one answer for each Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from academy.core import logs
from academy.jobs import idempotency
from academy.jobs.idempotency import Answer
from academy.jobs.submit import Submitter
from academy.tenants.principal import principal_of

_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description=(
        "1 to 255 visible ASCII characters, new for each intent, kept 48 h. The same key with the "
        "same request has one effect and one answer (`Idempotency-Replayed: true`); with another "
        "request it is refused (422); while the first still runs, 409 with Retry-After. An error "
        "is not kept."
    ),
)
_REPLAYED: Final = OpenApiParameter(
    "Idempotency-Replayed",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[202],
    description="`true` when this is the stored answer of an earlier request.",
)
ONCE_PARAMETERS: Final = [_KEY, _REPLAYED]
"""What the OpenAPI document says of an operation that `act_once` serves."""


def act_once(request: Request, act: Callable[[], Answer]) -> Response:
    """Act once for each Idempotency-Key and answer the same each time."""
    answer = idempotency.run_once(
        tenant_id=principal_of(request).tenant.pk,
        key=request.headers.get("Idempotency-Key"),
        fingerprint=idempotency.fingerprint(request.method or "", request.path, request.data),
        act=act,
    )
    headers: dict[str, Any] = {}
    if answer.location:
        headers["Location"] = answer.location
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(answer.body, status=answer.status, headers=headers)


def submitter_of(request: Request) -> Submitter:
    """On whose behalf a request submits jobs."""
    principal = principal_of(request)
    request_id = str(logs.context().get("request_id") or "")
    return Submitter(principal.tenant, principal.name, request_id, principal.scopes)
