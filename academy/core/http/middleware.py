"""Middleware: one concern a class."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from academy.core import clock, logs, tracing
from academy.core.errors import AppError
from academy.core.http.problems import body_too_large, problem_response
from academy.core.ids import new_id

Handler = Callable[[HttpRequest], HttpResponseBase]

access = logging.getLogger("academy.access")

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}\Z")
_ROUTE_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROBES = frozenset({"/healthz", "/readyz"})
_QUIET = _PROBES | {"/metrics"}


class RequestContextMiddleware:
    """Names each request, in the log, the answer's header and every error body."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Bind the id for the whole request; write one access line."""
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.match(given) else str(new_id())
        started = clock.monotonic()
        with logs.bound(request_id=request_id), _traced(request, request_id) as span:
            if trace := tracing.trace_id():
                logs.bind(trace=trace)
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            _tell(span, request, response)
            level = logging.DEBUG if request.path in _QUIET else logging.INFO
            access.log(
                level,
                "%s %s %d",
                request.method,
                request.path,
                response.status_code,
                extra={"milliseconds": round((clock.monotonic() - started) * 1000, 1)},
            )
        return response


def _traced(request: HttpRequest, request_id: str) -> AbstractContextManager[tracing.Span]:
    """A span that continues the caller's trace; what a load balancer asks all day has none."""
    if request.path in _QUIET:
        return contextlib.nullcontext(tracing.NO_SPAN)
    method = _method(request)
    return tracing.span(
        method,
        {"http.request.method": method, "academy.request_id": request_id},
        kind="server",
        parent=request.headers.get("traceparent", ""),
    )


def _method(request: HttpRequest) -> str:
    return request.method if request.method in _METHODS else "_OTHER"


def _tell(span: tracing.Span, request: HttpRequest, response: HttpResponseBase) -> None:
    """Name the span after the route, whose template holds no id, no token and no query."""
    if span is tracing.NO_SPAN:
        return
    if match := request.resolver_match:
        route = "/" + _ROUTE_PARAMETER.sub(r"{\1}", match.route)
        span.rename(f"{_method(request)} {route}")
        span.set({"http.route": route})
    span.set({"http.response.status_code": response.status_code})
    if response.status_code >= 500:
        span.fail(str(response.status_code))


class ProbeHostMiddleware:
    """Answers probes under whatever name they come.

    A load balancer asks each copy by its address, which is no host name of ours: it would be
    refused, and the copy be taken for dead. Nothing in the answers depends on the name.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Put a name of ours in its place, for the two probes alone."""
        if request.path in _PROBES:
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].strip(".*") or "localhost"
            request.META.pop("HTTP_X_FORWARDED_HOST", None)
        return self.get_response(request)


class RequestLimitsMiddleware:
    """Refuses, before anything reads them: large bodies, and NUL characters in the address.

    DRF reads a JSON body without a limit of its own, and PostgreSQL stores no NUL. A view that must
    take more than others says so as ``most_body_bytes``, and why.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 400 at once, or pass the request on."""
        error = self._refusal(request)
        return problem_response(error) if error else self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_arguments: Any
    ) -> HttpResponseBase | None:
        """Answer 413, or pass the request on: which view it is for is known now, its body not."""
        usual: int = settings.BODY_MAX_BYTES
        most = getattr(getattr(view, "cls", None), "most_body_bytes", usual)
        if int(request.META.get("CONTENT_LENGTH") or "0") > most:
            return problem_response(body_too_large(most))
        return None

    @staticmethod
    def _refusal(request: HttpRequest) -> AppError | None:
        if not (request.META.get("CONTENT_LENGTH") or "0").isdigit():
            return AppError("malformed_request")
        query = request.META.get("QUERY_STRING", "")
        if "\0" in request.path or "%00" in query or "\0" in query:
            return AppError("malformed_request")
        return None


class ContentSecurityMiddleware:
    """A Content-Security-Policy for every answer: JSON runs nothing, pages run our own files.

    A view that needs more (the player) sets the header itself.
    """

    PAGE = (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    DATA = "default-src 'none'; frame-ancestors 'none'"

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add the policy, and keep answers of the API out of caches."""
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        response.headers.setdefault("Content-Security-Policy", self.PAGE if is_page else self.DATA)
        if not is_page and request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
