"""DRF permission: each method of a view names the scope it needs; without one it is closed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from academy.core.errors import AppError
from academy.tenants.principal import principal_of
from academy.tenants.scopes import AUTHENTICATED

if TYPE_CHECKING:
    # DRF reads this module while it loads its views.
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


class HasScope(BasePermission):
    """Checks ``view.required_scopes``, e.g. ``{"GET": Scope.JOBS_READ}``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True, or AppError: ``not_authenticated`` (401) or ``scope_missing`` (403)."""
        principal = principal_of(request)
        method = "GET" if request.method == "HEAD" else (request.method or "")
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            # Permissions run before the method is looked up; 405 is the truth here, not 403.
            raise MethodNotAllowed(method)
        needed = getattr(view, "required_scopes", {}).get(method)
        if needed is None:
            logger.error("%s.%s names no scope: closed", type(view).__name__, method.lower())
            return False
        if needed != AUTHENTICATED and needed not in principal.scopes:
            raise AppError("scope_missing", scope=str(needed))
        return True
