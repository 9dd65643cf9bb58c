"""Academies, their members and their API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import example
from academy.core.http.serializers import parse_body
from academy.core.http.views import PagedView
from academy.tenants.api.serializers import (
    ApiKeyCreateSerializer,
    ApiKeyRotateSerializer,
    ApiKeySerializer,
    MemberCreateSerializer,
    MemberSerializer,
    NewApiKeySerializer,
    NewMemberSerializer,
    NewTenantSerializer,
    TenantChangeSerializer,
    TenantCreateSerializer,
    TenantLimitsSerializer,
    TenantSerializer,
)
from academy.tenants.keys import IssuedKey, key_create, key_revoke, key_rotate, keys_of
from academy.tenants.models import Tenant
from academy.tenants.principal import principal_of
from academy.tenants.quotas import limits_of, upload_limits_of
from academy.tenants.scopes import DEFAULT_KEY_SCOPES, Scope
from academy.tenants.services import (
    NewMember,
    member_add,
    member_remove,
    members_of,
    tenant_change,
    tenant_create,
)

_DONE = OpenApiResponse(description="Done.")


def key_body(issued: IssuedKey) -> dict[str, Any]:
    """A key with its one-time token."""
    return {**ApiKeySerializer(issued.key).data, "token": issued.token}


def member_body(new: NewMember) -> dict[str, Any]:
    """A member with the one-time password."""
    return {**MemberSerializer(new.member).data, "password": new.password}


class ApiKeysView(PagedView):
    """The academy's keys."""

    required_scopes = {"GET": Scope.KEYS_ADMIN, "POST": Scope.KEYS_ADMIN}

    @extend_schema(
        operation_id="api_keys_list",
        tags=["api keys"],
        responses={200: ApiKeySerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """List the academy's keys, ended ones included."""
        return self.page(request, keys_of(principal_of(request).tenant), ApiKeySerializer)

    @extend_schema(
        operation_id="api_keys_create",
        tags=["api keys"],
        request=ApiKeyCreateSerializer,
        responses={201: NewApiKeySerializer},
        examples=[
            example("Submit only", {"name": "nightly import", "scopes": ["jobs:write"]}),
        ],
    )
    def post(self, request: Request) -> Response:
        """Make a key. At most two of one name live at once, so that it can be rotated."""
        caller = principal_of(request)
        data = parse_body(request, ApiKeyCreateSerializer)
        issued = key_create(
            tenant=caller.tenant,
            name=data["name"],
            scopes=data.get("scopes", DEFAULT_KEY_SCOPES & caller.scopes),
            grantable=caller.scopes,
            expires_at=data["expires_at"],
        )
        return Response(key_body(issued), status=status.HTTP_201_CREATED)


class ApiKeyView(APIView):
    """One key."""

    required_scopes = {"DELETE": Scope.KEYS_ADMIN}

    @extend_schema(operation_id="api_keys_revoke", tags=["api keys"], responses={204: _DONE})
    def delete(self, request: Request, key_id: UUID) -> Response:
        """End a key at once."""
        key_revoke(tenant=principal_of(request).tenant, key_id=key_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ApiKeyRotateView(APIView):
    """Rotation."""

    required_scopes = {"POST": Scope.KEYS_ADMIN}

    @extend_schema(
        operation_id="api_keys_rotate",
        tags=["api keys"],
        request=ApiKeyRotateSerializer,
        responses={201: NewApiKeySerializer},
        examples=[example("An hour to change over", {"grace_seconds": 3600})],
    )
    def post(self, request: Request, key_id: UUID) -> Response:
        """Make the key's successor; the old one works until the grace is over."""
        data = parse_body(request, ApiKeyRotateSerializer)
        issued = key_rotate(
            tenant=principal_of(request).tenant,
            key_id=key_id,
            grace=timedelta(seconds=data["grace_seconds"]),
        )
        return Response(key_body(issued), status=status.HTTP_201_CREATED)


class TenantView(APIView):
    """The caller's academy."""

    required_scopes = {"GET": Scope.TENANT_READ}

    @extend_schema(operation_id="tenant", tags=["tenant"], responses={200: TenantLimitsSerializer})
    def get(self, request: Request) -> Response:
        """The academy and the limits in force now."""
        tenant = principal_of(request).tenant
        body = {
            **TenantSerializer(tenant).data,
            "queues": limits_of(tenant),
            "uploads": upload_limits_of(tenant),
        }
        return Response(TenantLimitsSerializer(body).data)


class MembersView(PagedView):
    """The academy's people."""

    required_scopes = {"GET": Scope.MEMBERS_ADMIN, "POST": Scope.MEMBERS_ADMIN}

    @extend_schema(
        operation_id="members_list",
        tags=["members"],
        responses={200: MemberSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """List the academy's people."""
        return self.page(request, members_of(principal_of(request).tenant), MemberSerializer)

    @extend_schema(
        operation_id="members_add",
        tags=["members"],
        request=MemberCreateSerializer,
        responses={201: NewMemberSerializer},
        examples=[example("A teacher", {"username": "teacher.sunwoo", "role": "teacher"})],
    )
    def post(self, request: Request) -> Response:
        """Add a person; the answer holds their first password, once."""
        data = parse_body(request, MemberCreateSerializer)
        new = member_add(tenant=principal_of(request).tenant, **data)
        return Response(member_body(new), status=status.HTTP_201_CREATED)


class MemberView(APIView):
    """One person."""

    required_scopes = {"DELETE": Scope.MEMBERS_ADMIN}

    @extend_schema(operation_id="members_remove", tags=["members"], responses={204: _DONE})
    def delete(self, request: Request, member_id: UUID) -> Response:
        """Take a person out of the academy and end their sessions."""
        member_remove(tenant=principal_of(request).tenant, member_id=member_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TenantsView(PagedView):
    """All academies, for the platform's staff."""

    required_scopes = {"GET": Scope.PLATFORM_TENANTS, "POST": Scope.PLATFORM_TENANTS}

    @extend_schema(
        operation_id="tenants_list",
        tags=["platform"],
        responses={200: TenantSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """List all academies (platform staff)."""
        return self.page(request, Tenant.objects.all(), TenantSerializer)

    @extend_schema(
        operation_id="tenants_create",
        tags=["platform"],
        request=TenantCreateSerializer,
        responses={201: NewTenantSerializer},
        examples=[
            example(
                "A new academy",
                {
                    "slug": "hanbit-math",
                    "name": "한빛수학학원",
                    "plan": "start",
                    "owner_username": "owner.hanbit",
                },
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Make an academy with its owner and a first API key (platform staff).

        The owner's password and the key's token are in this answer and nowhere else.
        """
        new = tenant_create(**parse_body(request, TenantCreateSerializer))
        body = {
            "tenant": TenantSerializer(new.tenant).data,
            "owner": member_body(new.owner),
            "api_key": key_body(new.key),
        }
        return Response(body, status=status.HTTP_201_CREATED)


class TenantChangeView(APIView):
    """One academy, for the platform's staff."""

    required_scopes = {"PATCH": Scope.PLATFORM_TENANTS}

    @extend_schema(
        operation_id="tenants_change",
        tags=["platform"],
        request=TenantChangeSerializer,
        responses={200: TenantSerializer},
        examples=[example("Suspend", {"is_active": False})],
    )
    def patch(self, request: Request, tenant_id: UUID) -> Response:
        """Rename, change the plan, suspend or resume an academy (platform staff)."""
        data = parse_body(request, TenantChangeSerializer)
        tenant = tenant_change(
            tenant_id=tenant_id,
            name=data.get("name"),
            plan=data.get("plan"),
            is_active=data.get("is_active"),
        )
        return Response(TenantSerializer(tenant).data)
