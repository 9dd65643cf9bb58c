"""Write the academy's own material: collections, and problems in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.locks import Space, lock
from academy.problems import limits, pictures, vectors
from academy.problems.fields import Origin
from academy.problems.models import Collection, Problem, ProblemVector
from academy.problems.selectors import collection_get, problem_get
from academy.tenants.models import Tenant
from academy.tenants.scoping import tenant_id_of


@dataclass(frozen=True, kw_only=True)
class NewProblem:
    """A problem to add; ``picture`` is the key of an object that has been announced."""

    text: str
    number: str = ""
    page: int | None = None
    tags: Sequence[str] = ()
    picture: str = ""
    source_job: UUID | None = None
    source_place: int | None = None
    id: UUID = field(default_factory=new_id)


def collection_create(*, tenant: Tenant, title: str, origin: Origin) -> Collection:
    """Make a collection. Raises AppError: collection_exists, collections_too_many."""
    with transaction.atomic():
        _hold(tenant.pk)
        collections = Collection.objects.for_tenant(tenant)
        if (known := collections.filter(title=title).first()) is not None:
            raise AppError("collection_exists", collection=str(known.pk))
        if collections.count() >= limits.MAX_COLLECTIONS:
            raise AppError("collections_too_many", limit=limits.MAX_COLLECTIONS)
        made = collections.create(title=title, origin=origin.value)
    return collection_get(tenant=tenant, collection_id=made.pk)


def problems_add(
    *, tenant: Tenant | UUID, collection_id: UUID, problems: Sequence[NewProblem]
) -> list[Problem]:
    """Add problems, all or none, in this order.

    One that was taken from the same place of the same job before is left out. Raises AppError:
    collection_not_found, collection_full, problems_too_many.
    """
    tenant_id = tenant_id_of(tenant)
    with transaction.atomic():
        _hold(tenant_id)
        collection = collection_get(tenant=tenant_id, collection_id=collection_id)
        fresh = _fresh(tenant_id, collection_id, problems)
        room_check(tenant_id, collection, len(fresh))
        now = clock.now()
        made = [
            Problem(
                id=one.id, tenant_id=tenant_id, collection=collection, number=one.number,
                text=one.text, page=one.page, tags=list(one.tags), picture=one.picture,
                source_job=one.source_job, source_place=one.source_place, created_at=now,
            )
            for one in fresh
        ]  # fmt: skip
        Problem.objects.for_tenant(tenant_id).bulk_create(made, batch_size=500)
        pictures.claim(tenant_id, [one.picture for one in fresh if one.picture])
    return made


def room_check(tenant_id: UUID, collection: Collection, wanted: int) -> None:
    """Raises AppError, collection_full or problems_too_many, where there is no room for so many."""
    problems = Problem.objects.for_tenant(tenant_id)
    if problems.filter(collection=collection).count() + wanted > limits.MAX_IN_COLLECTION:
        raise AppError("collection_full", limit=limits.MAX_IN_COLLECTION)
    if problems.count() + wanted > limits.MAX_PROBLEMS:
        raise AppError("problems_too_many", limit=limits.MAX_PROBLEMS)


def _fresh(
    tenant_id: UUID, collection_id: UUID, problems: Sequence[NewProblem]
) -> list[NewProblem]:
    jobs = {one.source_job for one in problems if one.source_job is not None}
    if not jobs:
        return list(problems)
    known = set(
        Problem.objects.for_tenant(tenant_id)
        .filter(collection_id=collection_id, source_job__in=jobs)
        .values_list("source_job", "source_place")
    )
    return [one for one in problems if (one.source_job, one.source_place) not in known]


def problem_delete(*, tenant: Tenant, problem_id: UUID) -> None:
    """Delete a problem, its vectors and its picture. Raises AppError problem_not_found."""
    with transaction.atomic():
        _hold(tenant.pk)
        problem = problem_get(tenant=tenant, problem_id=problem_id)
        _delete(tenant.pk, Problem.objects.for_tenant(tenant).filter(pk=problem.pk))


def collection_delete(*, tenant: Tenant, collection_id: UUID) -> int:
    """Delete a collection with all that is in it; returns how many problems.

    Raises AppError collection_not_found.
    """
    with transaction.atomic():
        _hold(tenant.pk)
        collection = collection_get(tenant=tenant, collection_id=collection_id)
        problems = Problem.objects.for_tenant(tenant).filter(collection=collection)
        deleted = _delete(tenant.pk, problems)
        Collection.objects.for_tenant(tenant).filter(pk=collection.pk).delete()
    return deleted


def material_delete(*, tenant: Tenant) -> int:
    """Delete all material of an academy that leaves; returns how many problems."""
    with transaction.atomic():
        _hold(tenant.pk)
        deleted = _delete(tenant.pk, Problem.objects.for_tenant(tenant))
        Collection.objects.for_tenant(tenant).delete()
    return deleted


def _delete(tenant_id: UUID, problems: QuerySet[Problem]) -> int:
    # Locked first: a job that is encoding them stores its vectors before, or not at all.
    found = list(problems.order_by("pk").select_for_update().values_list("pk", "picture"))
    ids = [pk for pk, _ in found]
    ProblemVector.objects.for_tenant(tenant_id).filter(problem_id__in=ids).delete()
    pictures.discard(tenant_id, [key for _, key in found if key])
    problems.delete()
    vectors.changed(tenant_id)
    return len(ids)


def _hold(tenant_id: UUID) -> None:
    """Until the transaction ends nobody else adds to the academy's material or deletes of it."""
    lock(Space.PROBLEMS, str(tenant_id))
