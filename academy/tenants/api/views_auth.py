"""Sign in, refresh, sign out, change one's password, and ask who one is."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.errors import AppError
from academy.core.http.address import client_address
from academy.core.http.openapi import example
from academy.core.http.serializers import parse_body
from academy.tenants.api.serializers import (
    MeSerializer,
    PasswordSerializer,
    RefreshSerializer,
    SignInSerializer,
    TokenPairSerializer,
)
from academy.tenants.principal import principal_of
from academy.tenants.scopes import AUTHENTICATED
from academy.tenants.services import password_change, sign_in
from academy.tenants.tokens import tokens_refresh, tokens_revoke

_DONE = OpenApiResponse(description="Done.")


class OpenView(APIView):
    """A view that anyone may call: the credential is in the body."""

    authentication_classes = ()
    permission_classes = ()


class TokenView(OpenView):
    """Sign-in."""

    @extend_schema(
        operation_id="auth_sign_in",
        tags=["auth"],
        request=SignInSerializer,
        responses={200: TokenPairSerializer},
        examples=[example("Sign in", {"username": "owner.hanbit", "password": "correct-horse"})],
    )
    def post(self, request: Request) -> Response:
        """Trade a user name and password for tokens."""
        data = parse_body(request, SignInSerializer)
        pair = sign_in(
            username=data["username"],
            password=data["password"],
            tenant_slug=data.get("tenant"),
            address=client_address(request),
        )
        return Response(TokenPairSerializer(pair).data)


class RefreshView(OpenView):
    """Refresh."""

    @extend_schema(
        operation_id="auth_refresh",
        tags=["auth"],
        request=RefreshSerializer,
        responses={200: TokenPairSerializer},
        examples=[example("Refresh", {"refresh": "rt_…"})],
    )
    def post(self, request: Request) -> Response:
        """Trade a refresh token for the next pair.

        Each token works once. Using one again ends the whole session: it was copied.
        """
        pair = tokens_refresh(refresh=parse_body(request, RefreshSerializer)["refresh"])
        return Response(TokenPairSerializer(pair).data)


class LogoutView(OpenView):
    """Sign-out."""

    @extend_schema(
        operation_id="auth_sign_out",
        tags=["auth"],
        request=RefreshSerializer,
        responses={204: _DONE},
        examples=[example("Sign out", {"refresh": "rt_…"})],
    )
    def post(self, request: Request) -> Response:
        """End the session of a refresh token."""
        tokens_revoke(refresh=parse_body(request, RefreshSerializer)["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordView(APIView):
    """One's own password."""

    required_scopes = {"POST": AUTHENTICATED}

    @extend_schema(
        operation_id="auth_change_password",
        tags=["auth"],
        request=PasswordSerializer,
        responses={204: _DONE},
        examples=[
            example("Change", {"current": "correct-horse", "new": "a longer battery staple"})
        ],
    )
    def post(self, request: Request) -> Response:
        """Change one's own password; every session ends."""
        user = principal_of(request).user
        if user is None:
            raise AppError("forbidden")
        data = parse_body(request, PasswordSerializer)
        password_change(
            user=user,
            current=data["current"],
            new=data["new"],
            address=client_address(request),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    """The caller."""

    required_scopes = {"GET": AUTHENTICATED}

    @extend_schema(operation_id="me", tags=["auth"], responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        """Say whom the credential speaks for and what it may do."""
        caller = principal_of(request)
        kind = "api_key" if caller.api_key else "member" if caller.member else "staff"
        body = {
            "kind": kind,
            "tenant": caller.home,
            "role": caller.member.role if caller.member else None,
            "username": caller.user.username if caller.user else None,
            "key_prefix": caller.api_key.prefix if caller.api_key else None,
            "scopes": sorted(caller.scopes),
        }
        return Response(MeSerializer(body).data)
