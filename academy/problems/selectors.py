"""Read the academy's own material, always of one tenant."""

from __future__ import annotations

from collections.abc import Collection as Many
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet

from academy.core.errors import AppError
from academy.problems.fields import Origin
from academy.problems.models import Collection, EncoderModel, Problem, ProblemVector
from academy.tenants.models import Tenant


def collections_list(
    *, tenant: Tenant | UUID, origin: Origin | None = None
) -> QuerySet[Collection]:
    """The tenant's collections, each with ``problem_count``."""
    collections = Collection.objects.for_tenant(tenant).annotate(problem_count=Count("problems"))
    return collections if origin is None else collections.filter(origin=origin.value)


def collection_get(*, tenant: Tenant | UUID, collection_id: UUID) -> Collection:
    """One collection, with ``problem_count``. Raises AppError collection_not_found."""
    found = collections_list(tenant=tenant).filter(pk=collection_id).first()
    if found is None:
        raise AppError("collection_not_found")
    return found


def collections_check(tenant: Tenant | UUID, wanted: Iterable[UUID]) -> None:
    """Raises AppError collection_not_found unless the tenant has all of them."""
    asked = set(wanted)
    known = Collection.objects.for_tenant(tenant).filter(pk__in=asked).count()
    if known != len(asked):
        raise AppError("collection_not_found")


def problems_list(
    *, tenant: Tenant | UUID, collection_id: UUID, tag: str | None = None, number: str | None = None
) -> QuerySet[Problem]:
    """The problems of a collection; those with the tag or the number, where named."""
    problems = Problem.objects.for_tenant(tenant).filter(collection_id=collection_id)
    if tag is not None:
        problems = problems.filter(tags__contains=[tag])
    return problems if number is None else problems.filter(number=number)


def problem_get(*, tenant: Tenant | UUID, problem_id: UUID) -> Problem:
    """One problem. Raises AppError problem_not_found, also for another tenant's."""
    problem = Problem.objects.for_tenant(tenant).filter(pk=problem_id).first()
    if problem is None:
        raise AppError("problem_not_found")
    return problem


def problems_by_id(*, tenant: Tenant | UUID, ids: Many[UUID]) -> dict[UUID, Problem]:
    """Those of the problems that there still are, with their collections."""
    problems = Problem.objects.for_tenant(tenant).select_related("collection")
    return {problem.pk: problem for problem in problems.filter(pk__in=ids)}


def problems_within(*, tenant: Tenant | UUID, collections: Many[UUID] | None) -> QuerySet[Problem]:
    """The problems of these collections; None: of all."""
    problems = Problem.objects.for_tenant(tenant)
    return problems if collections is None else problems.filter(collection_id__in=collections)


def without_vector(problems: QuerySet[Problem], model: EncoderModel) -> QuerySet[Problem]:
    """Those of the problems that the model has not encoded."""
    own = ProblemVector.unscoped.filter(problem_id=OuterRef("pk"), model=model)
    return problems.filter(~Exists(own))


def vectors_within(
    *, tenant: Tenant | UUID, model: EncoderModel, collections: Many[UUID] | None
) -> QuerySet[ProblemVector]:
    """The model's vectors of these collections; None: of all."""
    vectors = ProblemVector.objects.for_tenant(tenant).filter(model=model)
    return vectors if collections is None else vectors.filter(collection_id__in=collections)
