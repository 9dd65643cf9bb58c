"""Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import example
from academy.core.http.serializers import parse_body
from academy.ops.api.serializers import DeepCheckOrderSerializer, DeepCheckSerializer
from academy.ops.deep import check
from academy.ops.deep.present import report_body
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

_TAGS: Final = ["Operations"]
_ID: Final = "01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11"
_JOB: Final = "01932c07-c1f2-7f63-8d7e-3f5ad2a6f0c4"

_SHOWN: Final[dict[str, Any]] = {
    "id": _ID,
    "verdict": "broken",
    "started_at": "2026-03-02T00:00:00Z",
    "deadline_at": "2026-03-02T00:00:30Z",
    "finished_at": "2026-03-02T00:00:30.412000Z",
    "parts": [
        {
            "name": "database",
            "status": "ok",
            "finding": "ok",
            "facts": {"used": 21, "limit": 200},
            "seconds": 0.004,
            "message": {"ko": "정상입니다.", "en": "It works."},
            "action": {"ko": "", "en": ""},
            "runbook": "",
        }
    ],
    "queues": [
        {
            "queue": "video",
            "status": "broken",
            "finding": "no_worker",
            "facts": {"queue": "video", "job": _JOB},
            "reached": "published",
            "took": {"published": 0.009},
            "job": _JOB,
            "message": {
                "ko": "video 대기열에 살아 있는 작업자가 없습니다. "
                "이 대기열의 작업은 시작되지 않습니다.",
                "en": "No worker of video is alive: nothing on this queue starts.",
            },
            "action": {
                "ko": "작업자를 시작하고 로그의 'This worker must not start' 다음 문장을 읽으세요.",
                "en": "Start one, and read the sentence after 'This worker must not start' in its "
                "log.",
            },
            "runbook": "deploy/runbooks/no-workers.md",
        }
    ],
}


class DeepChecksView(APIView):
    """Start one."""

    required_scopes = {"POST": Scope.OPS_WRITE}

    @extend_schema(
        operation_id="ops_deep_check_start",
        tags=_TAGS,
        request=DeepCheckOrderSerializer,
        responses={
            202: OpenApiResponse(
                DeepCheckSerializer, "Started: follow the address in the Location header."
            )
        },
        examples=[
            example("Every queue", {}),
            example("Two queues", {"queues": ["video", "messaging"], "timeout_seconds": 20}),
            example("Started", _SHOWN, response=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Send a tiny job through every queue, and find out which link is broken.

        One check runs at a time: another is refused with 409 `deep_check_running`, whose details
        have the number of the one that runs.
        """
        wanted = parse_body(request, DeepCheckOrderSerializer)
        check_id = check.start(
            by=principal_of(request).name,
            queues=wanted["queues"],
            seconds=wanted["timeout_seconds"],
        )
        return Response(
            report_body(check.look(check_id)),
            status=HTTPStatus.ACCEPTED,
            headers={"Location": f"/api/v1/ops/deep-checks/{check_id}"},
        )


class DeepCheckView(APIView):
    """Read one."""

    required_scopes = {"GET": Scope.OPS_READ}

    @extend_schema(
        operation_id="ops_deep_check_read",
        tags=_TAGS,
        responses={200: DeepCheckSerializer},
        examples=[example("Finished", _SHOWN, response=True)],
    )
    def get(self, _request: Request, check_id: UUID) -> Response:
        """How far each job has got; final once `verdict` is no longer `running`."""
        return Response(report_body(check.look(check_id)))
