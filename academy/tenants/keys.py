"""API keys: create, verify, rotate, revoke. ``ak_<prefix>_<secret>``, shown once."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from academy.core import clock
from academy.core.errors import AppError
from academy.tenants.models import ApiKey, Tenant
from academy.tenants.scopes import TENANT_SCOPES
from academy.tenants.secrets import fingerprint, matches, new_secret

PREFIX_LENGTH: Final = 8
_PREFIX_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
#: Two keys of one name let a client change over without a gap.
MAX_LIVE_PER_NAME: Final = 2
MAX_LIVE_PER_TENANT: Final = 50
ROTATION_GRACE: Final = timedelta(hours=24)
#: How stale ``last_used_at`` may be: a write for every request would cost more than it says.
LAST_USED_RESOLUTION: Final = timedelta(minutes=1)

_PURPOSE = "api-key"
_NOBODY = b"\0" * 32


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key and its full text, which exists only here and at its holder."""

    key: ApiKey
    token: str


def _live() -> Q:
    not_expired = Q(expires_at__isnull=True) | Q(expires_at__gt=clock.now())
    return Q(revoked_at__isnull=True) & not_expired


def _live_keys(tenant: Tenant) -> QuerySet[ApiKey]:
    return ApiKey.objects.for_tenant(tenant).filter(_live())


def key_create(
    *,
    tenant: Tenant,
    name: str,
    scopes: Iterable[str],
    grantable: frozenset[str] = TENANT_SCOPES,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """Make a key.

    Raises AppError: ``scope_not_grantable`` for scopes outside ``grantable`` (the creator's own),
    ``api_key_limit`` when the name has two live keys or the tenant too many.
    """
    wanted = frozenset(scopes)
    refused = wanted - (grantable & TENANT_SCOPES)
    if refused:
        raise AppError("scope_not_grantable", scopes=", ".join(sorted(refused)))
    with transaction.atomic():
        # The tenant's row is the lock of its keys: two creations cannot both be the second.
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        live = _live_keys(tenant)
        if live.filter(name=name).count() >= MAX_LIVE_PER_NAME:
            raise AppError("api_key_limit", limit=MAX_LIVE_PER_NAME)
        if live.count() >= MAX_LIVE_PER_TENANT:
            raise AppError("api_key_limit", limit=MAX_LIVE_PER_TENANT)
        return _issue(tenant, name, wanted, expires_at)


def _issue(
    tenant: Tenant, name: str, scopes: frozenset[str], expires_at: datetime | None
) -> IssuedKey:
    prefix = "".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(PREFIX_LENGTH))
    token = f"ak_{prefix}_{new_secret()}"
    key = ApiKey.objects.for_tenant(tenant).create(
        name=name,
        prefix=prefix,
        secret_hash=fingerprint(_PURPOSE, token),
        scopes=sorted(scopes),
        expires_at=expires_at,
    )
    return IssuedKey(key, token)


def key_verify(token: str) -> ApiKey | None:
    """The live key of a full token, with its tenant loaded; None for anything else.

    An unknown prefix takes the same work as a wrong secret.
    """
    parts = token.split("_", 2)
    prefix = parts[1] if len(parts) == 3 else ""
    key = ApiKey.unscoped.select_related("tenant").filter(prefix=prefix).first()
    stored = _NOBODY if key is None else key.secret_hash
    genuine = matches(stored, fingerprint(_PURPOSE, token))
    if key is None or not genuine or not key.is_live():
        return None
    _note_use(key)
    return key


def _note_use(key: ApiKey) -> None:
    now = clock.now()
    stale = now - LAST_USED_RESOLUTION
    if key.last_used_at is None or key.last_used_at < stale:
        recently = Q(last_used_at__isnull=True) | Q(last_used_at__lt=stale)
        ApiKey.unscoped.filter(recently, pk=key.pk).update(last_used_at=now)


def key_rotate(*, tenant: Tenant, key_id: UUID, grace: timedelta = ROTATION_GRACE) -> IssuedKey:
    """A new key with the old one's name, scopes and expiry; the old one lives on for ``grace``.

    Raises AppError: ``not_found``, ``api_key_not_live``, ``api_key_limit`` (a rotation is already
    under way).
    """
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        old = _key(tenant, key_id)
        if not old.is_live():
            raise AppError("api_key_not_live")
        if _live_keys(tenant).filter(name=old.name).count() >= MAX_LIVE_PER_NAME:
            raise AppError("api_key_limit", limit=MAX_LIVE_PER_NAME)
        issued = _issue(tenant, old.name, frozenset(old.scopes), old.expires_at)
        ends = clock.now() + grace
        old.expires_at = ends if old.expires_at is None else min(old.expires_at, ends)
        old.save(update_fields=["expires_at"])
        return issued


def key_revoke(*, tenant: Tenant, key_id: UUID) -> None:
    """End a key at once; one that has ended stays as it is. Raises AppError(``not_found``)."""
    with transaction.atomic():
        key = _key(tenant, key_id)
        if key.revoked_at is None:
            key.revoked_at = clock.now()
            key.save(update_fields=["revoked_at"])


def _key(tenant: Tenant, key_id: UUID) -> ApiKey:
    key = ApiKey.objects.for_tenant(tenant).select_for_update().filter(pk=key_id).first()
    if key is None:
        raise AppError("not_found")
    return key


def keys_of(tenant: Tenant) -> QuerySet[ApiKey]:
    """Every key of a tenant, ended ones included."""
    return ApiKey.objects.for_tenant(tenant)
