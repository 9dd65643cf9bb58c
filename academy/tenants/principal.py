"""Who is calling: one object for keys, people and the platform's staff."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from rest_framework.request import Request

from academy.core.errors import AppError
from academy.tenants.models import ApiKey, Member, Tenant


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller, as ``request.auth``.

    ``name`` identifies it in logs and rows (``key:ab12cd34``, ``user:17``), never by a person's
    name. ``home`` is None for the platform's staff alone.
    """

    home: Tenant | None
    scopes: frozenset[str]
    name: str
    api_key: ApiKey | None = None
    member: Member | None = None
    user: User | None = None

    @property
    def tenant(self) -> Tenant:
        """The academy all of the caller's data belongs to. Raises AppError for staff."""
        if self.home is None:
            raise AppError("membership_missing")
        return self.home


def principal_of(request: Request) -> Principal:
    """The caller of a request. Raises AppError(``not_authenticated``) when there is none."""
    if not isinstance(request.auth, Principal):
        raise AppError("not_authenticated")
    return request.auth
