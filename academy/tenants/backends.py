"""The password check behind forms: as slow for guessing as the API's sign-in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from academy.core.errors import AppError
from academy.core.http.address import client_address
from academy.tenants import throttle


class ThrottledBackend(ModelBackend):
    """Counts attempts that come with a request (the admin's form).

    The API counts its own, so that it can say how long to wait.
    """

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, **credentials: Any
    ) -> User | None:
        """The user, or None; PermissionDenied (which a form shows as a failure) when throttled."""
        username = credentials.get("username")
        if request is None or username is None:
            return super().authenticate(request, **credentials)
        address = client_address(request)
        try:
            throttle.count_attempt(username, address)
        except AppError:
            raise PermissionDenied from None
        user = super().authenticate(request, **credentials)
        if user is not None:
            throttle.forgive(username, address)
        return user
