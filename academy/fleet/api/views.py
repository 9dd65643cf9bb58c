"""Thin: parse, call one service, serialise."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.views import PagedView
from academy.fleet import selectors, services
from academy.fleet.api import docs, present, serializers
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

READ = {"GET": Scope.OPS_READ}
WRITE = {"POST": Scope.OPS_WRITE}


class QueuesView(APIView):
    """The queues."""

    required_scopes = READ

    @docs.queue_list
    def get(self, request: Request) -> Response:
        """Every queue: what stands in it, whether it is paused, and who works on it."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response({"items": [present.queue_body(view) for view in selectors.queues_list()]})


class QueuePauseView(APIView):
    """Pause."""

    required_scopes = WRITE

    @docs.queue_pause
    def post(self, request: Request, name: str) -> Response:
        """Stop a queue within 5 s: nothing is published or started, what runs goes on."""
        reason = parse_body(request, serializers.PauseSerializer)["reason"]
        by = principal_of(request).name
        switch = services.queue_pause(queue=name, by=by, reason=reason)
        return Response({"name": name, "paused": present.switch_body(switch)})


class QueueResumeView(APIView):
    """Resume."""

    required_scopes = WRITE

    @docs.queue_resume
    def post(self, request: Request, name: str) -> Response:
        """Let a queue run again, within 5 s."""
        parse_body(request, NothingSerializer)
        services.queue_resume(queue=name, by=principal_of(request).name)
        return Response({"name": name, "paused": None})


class WorkersView(APIView):
    """The workers."""

    required_scopes = READ

    @docs.worker_list
    def get(self, request: Request) -> Response:
        """Every worker that was seen today, and what it last said of itself."""
        parse_query(request, NothingSerializer, also=frozenset())
        return Response({"items": [present.worker_body(v) for v in selectors.workers_list()]})


class WorkerDrainView(APIView):
    """Drain."""

    required_scopes = WRITE

    @docs.worker_drain
    def post(self, request: Request, name: str) -> Response:
        """Have a worker take no new work within 5 s, finish what it runs, and stay up."""
        reason = parse_body(request, serializers.DrainSerializer)["reason"]
        services.worker_drain(name=name, by=principal_of(request).name, reason=reason)
        return Response(present.worker_body(selectors.worker_get(name)))


class WorkerUndrainView(APIView):
    """Undrain."""

    required_scopes = WRITE

    @docs.worker_undrain
    def post(self, request: Request, name: str) -> Response:
        """Have a drained worker work again, within 5 s."""
        parse_body(request, NothingSerializer)
        services.worker_undrain(name=name, by=principal_of(request).name)
        return Response(present.worker_body(selectors.worker_get(name)))


class ActionsView(PagedView):
    """The log of actions."""

    required_scopes = READ

    @docs.action_list
    def get(self, request: Request) -> Response:
        """What operators did, newest first."""
        wanted = parse_query(request, serializers.ActionListQuerySerializer)
        return self.page(request, selectors.actions_list(**wanted), serializers.ActionSerializer)
