"""The academy's own material over REST. Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.core.http.views import PagedView
from academy.jobs.idempotency import Answer
from academy.jobs.once import act_once
from academy.problems import selectors, services
from academy.problems.api import docs, present, serializers
from academy.problems.fields import Origin
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

_READ: Final = {"GET": Scope.PROBLEMS_READ}


class CollectionsView(PagedView):
    """List and make."""

    required_scopes = {**_READ, "POST": Scope.PROBLEMS_WRITE}

    @docs.collection_list
    def get(self, request: Request) -> Response:
        """Your collections, the last first."""
        wanted = parse_query(request, serializers.CollectionListQuerySerializer)
        origin = None if wanted.get("origin") is None else Origin(wanted["origin"])
        collections = selectors.collections_list(tenant=principal_of(request).tenant, origin=origin)
        pages = CursorPagination()
        shown = pages.paginate_queryset(collections, request, view=self)
        return pages.get_paginated_response([present.collection_body(one) for one in shown])

    @docs.collection_create
    def post(self, request: Request) -> Response:
        """Make a collection: a textbook, a past examination.

        Problems are added to it as JSON, or from a test that `ai.question_segmentation` divided,
        by an `ai.problem_import` job.
        """
        values = parse_body(request, serializers.CollectionCreateSerializer)

        def once() -> Answer:
            made = services.collection_create(
                tenant=principal_of(request).tenant,
                title=values["title"],
                origin=Origin(values["origin"]),
            )
            address = reverse("problems:collection", args=[made.pk])
            return Answer(HTTPStatus.CREATED, present.collection_body(made), address)

        return act_once(request, once)


class CollectionView(APIView):
    """Read and delete one."""

    required_scopes = {**_READ, "DELETE": Scope.PROBLEMS_WRITE}

    @docs.collection_read
    def get(self, request: Request, collection_id: UUID) -> Response:
        """One collection."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        found = selectors.collection_get(tenant=tenant, collection_id=collection_id)
        return Response(present.collection_body(found))

    @docs.collection_delete
    def delete(self, request: Request, collection_id: UUID) -> Response:
        """Delete a collection with its problems, their vectors and their pictures, for good."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        deleted = services.collection_delete(tenant=tenant, collection_id=collection_id)
        return Response({"id": str(collection_id), "problems": deleted})


class ProblemsView(PagedView):
    """The problems of a collection: list and add."""

    required_scopes = {**_READ, "POST": Scope.PROBLEMS_WRITE}

    @docs.problem_list
    def get(self, request: Request, collection_id: UUID) -> Response:
        """Problems of a collection, the last added first."""
        wanted = parse_query(request, serializers.ProblemListQuerySerializer)
        tenant = principal_of(request).tenant
        selectors.collection_get(tenant=tenant, collection_id=collection_id)
        problems = selectors.problems_list(
            tenant=tenant,
            collection_id=collection_id,
            tag=wanted.get("tag"),
            number=wanted.get("number"),
        )
        pages = CursorPagination()
        shown = pages.paginate_queryset(problems, request, view=self)
        return pages.get_paginated_response([present.problem_body(one) for one in shown])

    @docs.problem_add
    def post(self, request: Request, collection_id: UUID) -> Response:
        """Add problems, all or none. A search finds them once `ai.embedding_index` has run."""
        values = parse_body(request, serializers.ProblemsAddSerializer)

        def once() -> Answer:
            added = services.problems_add(
                tenant=principal_of(request).tenant,
                collection_id=collection_id,
                problems=[services.NewProblem(**one) for one in values["problems"]],
            )
            return Answer(
                HTTPStatus.CREATED, {"items": [present.problem_body(one) for one in added]}
            )

        return act_once(request, once)


class ProblemView(APIView):
    """Read and delete one."""

    required_scopes = {**_READ, "DELETE": Scope.PROBLEMS_WRITE}

    @docs.problem_read
    def get(self, request: Request, problem_id: UUID) -> Response:
        """One problem, with a link to its picture."""
        parse_query(request, NothingSerializer, also=frozenset())
        tenant = principal_of(request).tenant
        problem = selectors.problem_get(tenant=tenant, problem_id=problem_id)
        return Response(present.problem_detail(problem))

    @docs.problem_delete
    def delete(self, request: Request, problem_id: UUID) -> Response:
        """Delete a problem, its vectors and its picture, for good."""
        parse_query(request, NothingSerializer, also=frozenset())
        services.problem_delete(tenant=principal_of(request).tenant, problem_id=problem_id)
        return Response({"id": str(problem_id)})
