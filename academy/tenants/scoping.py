"""Rows that belong to one academy, and querysets that cannot forget it.

``Model.objects`` has a single entry point, ``for_tenant()``; anything else raises. Code that must
look over all tenants (the relay, sweeps, migrations) says so with ``Model.unscoped``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar
from uuid import UUID

from django.db import models
from django.db.models.manager import BaseManager

if TYPE_CHECKING:
    from academy.tenants.models import Tenant

M = TypeVar("M", bound=models.Model)


class UnscopedQueryError(RuntimeError):
    """A tenant's rows were asked for without saying which tenant.

    Use ``Model.objects.for_tenant(tenant)``; ``Model.unscoped`` only in code that serves no
    tenant's request.
    """


def tenant_id_of(tenant: Tenant | UUID) -> UUID:
    """The id of a tenant given as row or id. Raises UnscopedQueryError for anything else."""
    value = tenant if isinstance(tenant, UUID) else getattr(tenant, "pk", None)
    if not isinstance(value, UUID):
        raise UnscopedQueryError(f"for_tenant() takes a tenant or its id, not {tenant!r}")
    return value


class TenantQuerySet(models.QuerySet[M]):
    """A queryset bound to one tenant: what it creates belongs to that tenant."""

    _tenant_id: UUID

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._tenant_id = self._tenant_id
        return clone

    def bound_to(self, tenant_id: UUID) -> Self:
        """The rows of one tenant, and a promise to create no others."""
        self._tenant_id = tenant_id
        return self.filter(tenant_id=tenant_id)

    def create(self, **kwargs: Any) -> M:
        """Create a row of this tenant; naming another tenant raises UnscopedQueryError."""
        given = kwargs.pop("tenant", None) or kwargs.pop("tenant_id", self._tenant_id)
        self._refuse_foreign(tenant_id_of(given))
        return super().create(tenant_id=self._tenant_id, **kwargs)

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Create many rows, each of which must already name this tenant."""
        rows = list(objs)
        for row in rows:
            self._refuse_foreign(row.tenant_id)  # type: ignore[attr-defined]
        return super().bulk_create(rows, *args, **kwargs)

    def _refuse_foreign(self, tenant_id: UUID) -> None:
        if tenant_id != self._tenant_id:
            raise UnscopedQueryError(
                f"a queryset of tenant {self._tenant_id} cannot create a row of {tenant_id}"
            )


class TenantScopedManager(BaseManager[M]):
    """A manager whose only entry point is ``for_tenant``."""

    def for_tenant(self, tenant: Tenant | UUID) -> TenantQuerySet[M]:
        """The rows of one tenant."""
        tenant_id = tenant_id_of(tenant)
        return TenantQuerySet(self.model, using=self._db).bound_to(tenant_id)

    def _refuse(self, name: str) -> NoReturn:
        model = self.model.__name__
        raise UnscopedQueryError(
            f"{model}.objects.{name} would cross tenants: "
            f"use {model}.objects.for_tenant(tenant).{name}"
        )

    def get_queryset(self) -> NoReturn:
        """Refused: see the class."""
        self._refuse("get_queryset")

    def all(self) -> NoReturn:
        """Refused: see the class."""
        self._refuse("all")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(models.QuerySet, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._refuse(name)


class TenantScopedModel(models.Model):
    """A row of exactly one tenant.

    ``tenant`` is never null: a row without one would switch every later check off.
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="+")

    # The first manager is the one Django itself uses (admin, relations, migrations).
    unscoped: ClassVar[models.Manager[Self]] = models.Manager()
    objects: ClassVar[TenantScopedManager[Self]] = TenantScopedManager()

    class Meta:
        """Django's own code uses the unscoped manager."""

        abstract = True
        default_manager_name = "unscoped"
