"""One body for every error, whoever raised it: a service, DRF, Django, or the database."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from academy.core import logs
from academy.core.errors import AppError, error_body

logger = logging.getLogger(__name__)

#: Seconds a client is asked to wait while the database or the file store is away.
UNAVAILABLE_RETRY_SECONDS = 5
_MAX_NAMES = 10
_MAX_NAME_LENGTH = 60

_BY_STATUS = {
    400: "malformed_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "service_unavailable",
}

_DJANGO: tuple[tuple[type[Exception], str], ...] = (
    (Http404, "not_found"),
    (PermissionDenied, "forbidden"),
    (BadRequest, "malformed_request"),
    (SuspiciousOperation, "malformed_request"),
    (UnreadablePostError, "malformed_request"),
)


def as_app_error(exception: BaseException | None) -> AppError:
    """The catalogue's view of any exception; what is not known is ``internal_error``."""
    if isinstance(exception, AppError):
        return exception
    if isinstance(exception, drf.ValidationError):
        return _validation_error(exception)
    if isinstance(exception, drf.Throttled):
        return AppError(
            "rate_limited", retry_after=math.ceil(getattr(exception, "wait", None) or 1)
        )
    if isinstance(exception, drf.APIException):
        return AppError(_BY_STATUS.get(exception.status_code, "internal_error"))
    if isinstance(exception, RequestDataTooBig):
        return body_too_large(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    if isinstance(exception, OperationalError | InterfaceError):
        # Down, exhausted, shutting down, or too slow: each passes, and none is the client's fault.
        return AppError("service_unavailable", retry_after=UNAVAILABLE_RETRY_SECONDS)
    for known, code in _DJANGO:
        if isinstance(exception, known):
            return AppError(code)
    return AppError("internal_error")


def body_too_large(most: int) -> AppError:
    """The answer to a body of more than so many bytes."""
    return AppError("body_too_large", limit_bytes=most)


def _validation_error(exception: drf.ValidationError) -> AppError:
    fields = dict(_flatten(exception.detail, ""))
    unknown = [name for name, errors in fields.items() if _has_code(errors, "unknown_field")]
    if unknown:
        shown = [name[:_MAX_NAME_LENGTH] for name in sorted(unknown)[:_MAX_NAMES]]
        return AppError("unknown_field", names=", ".join(shown))
    return AppError("validation_failed", fields=fields)


def _flatten(detail: Any, path: str) -> Iterable[tuple[str, list[dict[str, str]]]]:
    """Nested DRF details as (``items.0.size``, [{code, message}]) pairs."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _flatten(inner, ".".join(part for part in (path, own) if part))
    elif isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        for index, inner in enumerate(detail):
            if inner:
                yield from _flatten(inner, f"{path}.{index}" if path else str(index))
    else:
        items = detail if isinstance(detail, list) else [detail]
        yield (
            path or "body",
            [
                {"code": str(getattr(item, "code", "invalid")), "message": str(item)}
                for item in items
            ],
        )


def _has_code(errors: list[dict[str, str]], code: str) -> bool:
    return any(error["code"] == code for error in errors)


def problem_body(error: AppError) -> dict[str, Any]:
    """The whole response body of an error."""
    return {
        "error": error_body(error.code, error.params),
        "request_id": logs.context().get("request_id"),
    }


def problem_headers(error: AppError) -> dict[str, str]:
    """Headers that go with an error."""
    headers = {}
    wait = error.params.get("retry_after")
    if wait is None and error.status == 503:
        wait = UNAVAILABLE_RETRY_SECONDS
    if wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="academy"'
    return headers


def problem_response(exception: BaseException | None) -> JsonResponse:
    """A plain Django response for an exception outside DRF's views."""
    error = as_app_error(exception)
    return JsonResponse(problem_body(error), status=error.status, headers=problem_headers(error))


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: never a stack trace, never another shape."""
    error = as_app_error(exception)
    if error.status >= 500:
        view = type(context.get("view")).__name__
        logger.error("%s in %s", error.code, view, exc_info=exception)
    set_rollback()
    return Response(problem_body(error), status=error.status, headers=problem_headers(error))


def bad_request(_request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler400."""
    return problem_response(exception)


def permission_denied(_request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler403."""
    return problem_response(exception)


def page_not_found(_request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler404."""
    return problem_response(exception)


def server_error(_request: HttpRequest) -> JsonResponse:
    """Django's handler500: called while the exception is being handled."""
    return problem_response(sys.exc_info()[1])


def csrf_failure(_request: HttpRequest, reason: str = "") -> JsonResponse:
    """Django's CSRF_FAILURE_VIEW."""
    logger.warning("CSRF check failed: %s", reason)
    return problem_response(PermissionDenied())
