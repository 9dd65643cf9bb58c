"""Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core import logs
from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.jobs import cancel, escalate, kinds, replay, selectors
from academy.jobs.api import docs, present, serializers, stream
from academy.jobs.idempotency import Answer
from academy.jobs.models import Job
from academy.jobs.once import act_once, submitter_of
from academy.jobs.states import JobState
from academy.jobs.submit import job_submit, jobs_submit
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

READ = {"GET": Scope.JOBS_READ}
WRITE = {"POST": Scope.JOBS_WRITE}

#: What a list does not show and therefore does not read.
_ONLY_IN_DETAIL = ("params", "checkpoint", "result", "artifacts")
EVENTS_A_PAGE = 200


class JobsView(APIView):
    """List and submit."""

    required_scopes = {**READ, **WRITE}
    pagination_class = CursorPagination

    @docs.job_list
    def get(self, request: Request) -> Response:
        """Your jobs, newest first."""
        wanted = parse_query(request, serializers.JobListQuerySerializer)
        jobs = selectors.jobs_list(
            tenant=principal_of(request).tenant,
            states=wanted["state"],
            kind=wanted.get("kind"),
            queue=wanted.get("queue"),
            parent_id=wanted.get("parent"),
        )
        return _page(request, jobs)

    @docs.job_submit
    def post(self, request: Request) -> Response:
        """Submit a job."""
        order = serializers.order_of(parse_body(request, serializers.JobOrderSerializer))
        return act_once(
            request, lambda: _accepted(request, job_submit(by=submitter_of(request), order=order))
        )


class JobBatchView(APIView):
    """Submit many."""

    required_scopes = WRITE

    @docs.job_batch
    def post(self, request: Request) -> Response:
        """Submit up to 1,000 jobs: all are accepted, or none."""
        body = parse_body(request, serializers.JobBatchSerializer)
        orders = [serializers.order_of(data) for data in body["jobs"]]

        def act() -> Answer:
            jobs = jobs_submit(by=submitter_of(request), orders=orders)
            return Answer(202, {"jobs": [present.job_reference(job) for job in jobs]})

        return act_once(request, act)


class JobView(APIView):
    """Read one."""

    required_scopes = READ

    @docs.job_read
    def get(self, request: Request, job_id: UUID) -> Response:
        """One job: where it is, what it made, or why it failed."""
        wanted = parse_query(request, serializers.JobQuerySerializer, also=frozenset())
        job = selectors.job_get(tenant=principal_of(request).tenant, job_id=job_id)
        return Response(
            present.job_body(
                job,
                scopes=principal_of(request).scopes,
                with_attempts="attempts" in wanted["expand"],
            )
        )


class JobCancelView(APIView):
    """Stop one."""

    required_scopes = WRITE

    @docs.job_cancel
    def post(self, request: Request, job_id: UUID) -> Response:
        """Cancel a job and all its parts."""
        parse_body(request, NothingSerializer)
        job = cancel.job_cancel(tenant=principal_of(request).tenant, job_id=job_id)
        done = job.state == JobState.CANCELLED
        body = present.job_body(job, scopes=principal_of(request).scopes)
        return Response(body, HTTPStatus.OK if done else HTTPStatus.ACCEPTED)


class JobRetryView(APIView):
    """Do not wait."""

    required_scopes = WRITE

    @docs.job_retry
    def post(self, request: Request, job_id: UUID) -> Response:
        """Run it now: end the wait of a `retry_wait`, or replay what has ended."""
        parse_body(request, NothingSerializer)
        return act_once(
            request,
            lambda: _accepted(request, replay.job_retry(by=submitter_of(request), job_id=job_id)),
        )


class JobEscalateView(APIView):
    """Read again what was doubtful."""

    required_scopes = WRITE

    @docs.job_escalate
    def post(self, request: Request, job_id: UUID) -> Response:
        """Have a better engine read again what a finished job was not sure of.

        The new job names this one as `escalation_of`; asked again, you get the same job. What it
        costs is that kind's price for what is left in doubt.
        """
        parse_body(request, NothingSerializer)
        return act_once(
            request,
            lambda: _accepted(
                request, escalate.job_escalate(by=submitter_of(request), job_id=job_id)
            ),
        )


class JobReplayView(APIView):
    """Run one again."""

    required_scopes = WRITE

    @docs.job_replay
    def post(self, request: Request, job_id: UUID) -> Response:
        """Submit it anew, with its own parameters or edited ones."""
        body = parse_body(request, serializers.JobReplaySerializer)
        params = body.get("params")
        return act_once(
            request,
            lambda: _accepted(
                request,
                replay.job_replay(by=submitter_of(request), job_id=job_id, params=params),
            ),
        )


class JobAttemptsView(APIView):
    """The tries at one."""

    required_scopes = READ

    @docs.job_attempts
    def get(self, request: Request, job_id: UUID) -> Response:
        """Every attempt at a job, oldest first."""
        job = selectors.job_get(tenant=principal_of(request).tenant, job_id=job_id)
        attempts = selectors.job_attempts(job=job)
        return Response({"items": [present.attempt_body(attempt) for attempt in attempts]})


class JobChildrenView(APIView):
    """The parts of one."""

    required_scopes = READ
    pagination_class = CursorPagination

    @docs.job_children
    def get(self, request: Request, job_id: UUID) -> Response:
        """The parts of a job that was split, newest first."""
        job = selectors.job_get(tenant=principal_of(request).tenant, job_id=job_id)
        return _page(request, selectors.jobs_list(tenant=job.tenant_id, parent_id=job.pk))


class EventStreamRenderer(JSONRenderer):
    """Makes ``Accept: text/event-stream`` negotiable; only errors are ever rendered with it."""

    media_type = stream.MEDIA_TYPE
    format = "event-stream"


class JobEventsView(APIView):
    """The history of one, kept or live."""

    required_scopes = READ
    renderer_classes = [JSONRenderer, EventStreamRenderer]

    @docs.job_events
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """What happened to a job, oldest first.

        With `Accept: text/event-stream` it is a live stream. `state` events carry an event of the
        list, and its number as `id`; `progress` events (without `id`) tell where the job is; `end`
        carries the whole job, and then the stream closes: close the connection too. It also closes
        after ten minutes, and when the service restarts: connect again with `Last-Event-ID`, and
        nothing is missed.
        """
        wanted = parse_query(request, serializers.EventsQuerySerializer, also=frozenset())
        job = selectors.job_get(tenant=principal_of(request).tenant, job_id=job_id)
        live = request.accepted_renderer.media_type == stream.MEDIA_TYPE
        if live and request.method == "GET":
            after = stream.resume_after(request.headers.get("Last-Event-ID"), wanted["after"])
            return stream.respond(
                tenant_id=job.tenant_id,
                job_id=job.pk,
                after=after,
                scopes=principal_of(request).scopes,
            )
        events = selectors.job_events(job=job, after=wanted["after"], limit=EVENTS_A_PAGE + 1)
        shown = events[:EVENTS_A_PAGE]
        return Response(
            {
                "items": [present.event_body(event) for event in shown],
                "next_after": shown[-1].seq if len(events) > len(shown) else None,
            },
            content_type=JSONRenderer.media_type,
        )

    def handle_exception(self, exc: Exception) -> Response:
        """An error is JSON also where a stream was asked for."""
        response = super().handle_exception(exc)
        response.content_type = JSONRenderer.media_type
        return response


class KindsView(APIView):
    """The kinds."""

    required_scopes = READ

    @docs.kind_list
    def get(self, _request: Request) -> Response:
        """What can be submitted, and the parameters of each kind."""
        public = [spec for spec in kinds.all_kinds() if not spec.internal]
        return Response({"items": [present.kind_body(spec) for spec in public]})


def _accepted(request: Request, job: Job) -> Answer:
    # The access line of the request names what it made.
    logs.bind(job=str(job.pk))
    body = present.job_body(job, scopes=principal_of(request).scopes)
    return Answer(202, body, present.job_path(job.pk))


def _page(request: Request, jobs: Any) -> Response:
    pages = CursorPagination()
    rows = pages.paginate_queryset(jobs.defer(*_ONLY_IN_DETAIL), request)
    return pages.get_paginated_response([present.job_summary(job) for job in rows])
