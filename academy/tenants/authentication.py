"""DRF authentication: an API key or an access token, both as ``Authorization: Bearer``."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from academy.core import logs
from academy.core.errors import AppError
from academy.tenants.keys import key_verify
from academy.tenants.models import Member, Tenant
from academy.tenants.principal import Principal
from academy.tenants.scopes import PLATFORM_SCOPES, ROLE_SCOPES, TENANT_SCOPES
from academy.tenants.tokens import read_access_token

_MAX_TOKEN_LENGTH = 2_048


def bearer_of(request: Request) -> str | None:
    """The bearer credential of a request, or None when it has no Authorization header."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN_LENGTH:
        raise AppError("not_authenticated")
    return token


class _BearerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        """The caller, or None when the credential is not of this kind."""
        token = bearer_of(request)
        if token is None or token.startswith("ak_") is not self.takes_keys:
            return None
        principal = self.principal(token)
        if principal.home is not None and not principal.home.is_active:
            raise AppError("tenant_inactive")
        logs.bind(principal=principal.name, tenant=_slug(principal.home))
        return principal.user or AnonymousUser(), principal

    takes_keys = False

    def principal(self, token: str) -> Principal:
        raise NotImplementedError

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """The challenge of an answer 401."""
        return 'Bearer realm="academy"'


class ApiKeyAuthentication(_BearerAuthentication):
    """``Bearer ak_<prefix>_<secret>``."""

    takes_keys = True

    def principal(self, token: str) -> Principal:
        """The key's principal. Raises AppError(``not_authenticated``)."""
        key = key_verify(token)
        if key is None:
            raise AppError("not_authenticated")
        return Principal(
            home=key.tenant,
            # A scope that this release no longer has opens nothing.
            scopes=frozenset(key.scopes) & TENANT_SCOPES,
            name=f"key:{key.prefix}",
            api_key=key,
        )


class TokenAuthentication(_BearerAuthentication):
    """``Bearer <access token>`` of a person who signed in."""

    def principal(self, token: str) -> Principal:
        """The person's principal, with the rights they have now."""
        claims = read_access_token(token)
        if claims.member_id is None:
            return self._staff(claims.user_id)
        member = (
            Member.unscoped.select_related("tenant", "user")
            .filter(pk=claims.member_id, user_id=claims.user_id, user__is_active=True)
            .first()
        )
        if member is None:
            raise AppError("session_ended")
        return Principal(
            home=member.tenant,
            scopes=ROLE_SCOPES[member.role],
            name=f"user:{claims.user_id}",
            member=member,
            user=member.user,
        )

    def _staff(self, user_id: int) -> Principal:
        user = User.objects.filter(pk=user_id, is_active=True, is_staff=True).first()
        if user is None:
            raise AppError("session_ended")
        return Principal(home=None, scopes=PLATFORM_SCOPES, name=f"user:{user_id}", user=user)


def _slug(tenant: Tenant | None) -> str | None:
    return None if tenant is None else tenant.slug
