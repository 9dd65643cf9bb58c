"""Links that open one page without an account, and the visits that they begin.

A link carries who made it and for whom, what it allows, and when it ends; a signature binds that
to one purpose and one object. Its first opening exchanges it for a visit: the same statement with
an expiry of its own, in a cookie that the browser sends to that page alone, so that nothing secret
stays in the address bar. Nothing is stored. What a page allows is what the link says *and* what
its maker may do at that moment: a revoked key, or a member who has left, ends all that they made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from django.conf import settings
from django.core import signing

from academy.core import clock
from academy.core.errors import AppError
from academy.tenants.models import ApiKey, Member, Tenant
from academy.tenants.scopes import ROLE_SCOPES, TENANT_SCOPES, Scope

SHORTEST_LINK: Final = timedelta(minutes=1)
ACTOR_CHARS: Final = 60
_LINK, _VISIT = "link", "visit"
_MAX_TOKEN_CHARS: Final = 1_024


@dataclass(frozen=True)
class Purpose:
    """One kind of page: a domain declares it once, for its links and for its views.

    `name` stands in the address, in the cookie's name and in the signature. `ids` are the names of
    the address's parameters that say what is shown. `scopes` is the most that a link can allow.
    """

    name: str
    ids: tuple[str, ...]
    scopes: frozenset[Scope]
    lifetime: timedelta = timedelta(hours=12)
    """Of a link that says nothing else."""
    longest: timedelta = timedelta(days=7)
    visit: timedelta = timedelta(hours=12)
    """From the opening of a link."""
    follows_maker: bool = True
    """Whether links end with the rights of who made them."""

    def root(self, ids: Mapping[str, UUID]) -> str:
        """The address below which the pages of one object lie."""
        return "/".join(("", "desk", self.name, *(str(ids[name]) for name in self.ids)))

    @property
    def cookie(self) -> str:
        """The name of its cookie."""
        return f"desk-{self.name}"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link says. `maker` is a principal's name, `actor` the academy's word for a person."""

    tenant: UUID
    maker: str
    actor: str
    scopes: frozenset[str]
    expires: int
    """In seconds since 1970."""

    @property
    def by(self) -> str:
        """Who acts, as the audit trail names them."""
        return f"{self.maker}/{self.actor}" if self.actor else self.maker

    def to_json(self) -> list[Any]:
        """As short as it can be: it goes into addresses."""
        return [
            self.tenant.hex, self.maker, self.actor, " ".join(sorted(self.scopes)), self.expires
        ]  # fmt: skip

    @classmethod
    def from_json(cls, data: list[Any]) -> Self:
        """The opposite of `to_json`."""
        tenant, maker, actor, scopes, expires = data
        return cls(UUID(tenant), maker, actor, frozenset(scopes.split()), expires)


@dataclass(frozen=True)
class Link:
    """An address, absolute, and the moment from which it opens nothing."""

    url: str
    expires_at: datetime


def link(
    purpose: Purpose,
    ids: Mapping[str, UUID],
    grant: Grant,
    *,
    path: str = "",
) -> Link:
    """The address of a page; `path` is one of its pages below the root.

    Raises:
        ValueError: the grant allows more than the purpose does.
    """
    if not grant.scopes <= purpose.scopes:
        raise ValueError(f"{purpose.name}: {sorted(grant.scopes - purpose.scopes)}")
    url = f"{settings.PUBLIC_BASE_URL}{purpose.root(ids)}{path}?token="
    token = signing.dumps(grant.to_json(), salt=_salt(_LINK, purpose, ids))
    return Link(url + token, datetime.fromtimestamp(grant.expires, UTC))


def opened(purpose: Purpose, ids: Mapping[str, UUID], token: str) -> Grant:
    """What a link grants. Raises AppError: page_link_invalid, page_link_expired."""
    grant = _read(_LINK, purpose, ids, token)
    if grant is None:
        raise AppError("page_link_invalid")
    if grant.expires <= clock.now().timestamp():
        raise AppError("page_link_expired")
    return grant


def visit_begun(purpose: Purpose, ids: Mapping[str, UUID], grant: Grant) -> str:
    """The value of the cookie of a visit that begins now."""
    begun = replace(grant, expires=expiry(purpose.visit))
    return signing.dumps(begun.to_json(), salt=_salt(_VISIT, purpose, ids))


def visited(purpose: Purpose, ids: Mapping[str, UUID], cookie: str) -> Grant:
    """What a visit may do. Raises AppError page_visit_ended, also without a cookie."""
    grant = _read(_VISIT, purpose, ids, cookie)
    if grant is None or grant.expires <= clock.now().timestamp():
        raise AppError("page_visit_ended")
    return grant


def expiry(lifetime: timedelta) -> int:
    """When something of this lifetime ends that begins now, in seconds since 1970."""
    return int((clock.now() + lifetime).timestamp())


def standing(purpose: Purpose, grant: Grant) -> tuple[Tenant, frozenset[str]]:
    """The academy, and what is left of the grant at this moment.

    Raises AppError: tenant_inactive, page_link_revoked where its maker may read nothing of it.
    """
    tenant = Tenant.objects.filter(pk=grant.tenant).first()
    if tenant is None:
        raise AppError("page_link_revoked")
    if not tenant.is_active:
        raise AppError("tenant_inactive")
    scopes = grant.scopes
    if purpose.follows_maker:
        scopes = scopes & _scopes_of(tenant, grant.maker)
        if not scopes:
            raise AppError("page_link_revoked")
    return tenant, scopes


def _scopes_of(tenant: Tenant, maker: str) -> frozenset[str]:
    """What a principal of this name may do now; nothing where there is none any more."""
    kind, _, name = maker.partition(":")
    if kind == "key":
        key = ApiKey.objects.for_tenant(tenant).filter(prefix=name).first()
        return frozenset(key.scopes) & TENANT_SCOPES if key and key.is_live() else frozenset()
    members = Member.objects.for_tenant(tenant).filter(user__is_active=True)
    member = members.filter(user_id=int(name)).first() if kind == "user" else None
    return ROLE_SCOPES[member.role] if member else frozenset()


def _read(step: str, purpose: Purpose, ids: Mapping[str, UUID], token: str) -> Grant | None:
    if not 0 < len(token) <= _MAX_TOKEN_CHARS:
        return None
    try:
        return Grant.from_json(signing.loads(token, salt=_salt(step, purpose, ids)))
    except signing.BadSignature:
        return None


def _salt(step: str, purpose: Purpose, ids: Mapping[str, UUID]) -> str:
    """Part of the signature: a token of one step, purpose or object is none of another."""
    return f"academy.desk.{step}:{purpose.root(ids)}"
