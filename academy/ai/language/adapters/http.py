"""One bounded POST: in time, in size, and in where it goes.

The address is the operator's and nothing is followed from there, so that no reply can lead a worker
to an address of its choice. An answer is awaited beside a clock and the job's own will to go on:
httpx's time-outs are for single reads, and a service that sends a byte a minute would hold a worker
for ever.
"""

from __future__ import annotations

import json
import math
import ssl
from collections.abc import Mapping
from concurrent.futures import CancelledError, wait
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Final

import anyio
import httpx
from anyio.from_thread import start_blocking_portal

from academy.ai.language.ports import BusyError, DownError, OnTick, RefusedError, ReplyError
from academy.core import clock
from academy.settings.language import Service

TICK_SECONDS: Final = 0.25
_ID_CHARS: Final = 100
#: Said by the server itself, before or instead of any work.
_UNPAID_FAILURES: Final = frozenset({500, 502, 503})
_TRY_LATER: Final = frozenset({408, 425})


@dataclass(frozen=True)
class Bounds:
    """Seconds to connect, between two bytes, and in all; and the largest answer in bytes."""

    total_seconds: float
    answer_bytes: int
    connect_seconds: float = 10.0
    silence_seconds: float = 120.0


@dataclass(frozen=True)
class Answer:
    """A JSON object that came with a good status."""

    body: dict[str, Any]
    request_id: str


@dataclass(frozen=True)
class _Raw:
    status: int
    headers: httpx.Headers
    content: bytes


def post(service: Service, path: str, *, bounds: Bounds, on_tick: OnTick, **sent: Any) -> Answer:
    """POST to the service; ``sent`` is httpx's ``json``, or ``data`` and ``files``.

    ``on_tick`` is called while the answer is awaited; what it raises gives the call up at once.
    Raises ProviderError.
    """
    with start_blocking_portal() as portal:
        call = portal.start_task_soon(_exchange, service, path, bounds, sent)
        try:
            while not wait([call], timeout=TICK_SECONDS).done:
                on_tick()
        except BaseException:
            call.cancel()
            raise
        try:
            raw = call.result()
        except CancelledError:
            raise DownError("given up", paid=None) from None
    return _judged(raw)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: a tenth of a second each time."""
    return httpx.create_ssl_context(trust_env=False)


async def _exchange(service: Service, path: str, bounds: Bounds, sent: Mapping[str, Any]) -> _Raw:
    patience = httpx.Timeout(bounds.silence_seconds, connect=bounds.connect_seconds)
    # Neither a proxy nor a netrc of the host has a say in where a key goes.
    client = httpx.AsyncClient(
        timeout=patience, trust_env=False, follow_redirects=False, verify=_certificates()
    )
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if service.api_key:
        headers["Authorization"] = f"Bearer {service.api_key}"
    url = f"{service.base_url}{path}"
    try:
        with anyio.fail_after(bounds.total_seconds):
            async with client, client.stream("POST", url, headers=headers, **sent) as response:
                return _Raw(
                    response.status_code, response.headers, await _bounded(response, bounds)
                )
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise DownError(type(error).__name__, paid=False) from None
    except (httpx.HTTPError, TimeoutError) as error:
        # Sent, at least in part: the work may have been done, and may be charged.
        raise DownError(type(error).__name__, paid=None) from None


async def _bounded(response: httpx.Response, bounds: Bounds) -> bytes:
    """The body, as it is on the wire: a compressed one could unpack to any size."""
    found = bytearray()
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) > bounds.answer_bytes:
            if not response.is_success:
                break
            raise ReplyError("an answer without end", request_id=_request_id(response.headers))
    return bytes(found)


def _judged(raw: _Raw) -> Answer:
    request_id = _request_id(raw.headers)
    if raw.status == httpx.codes.TOO_MANY_REQUESTS:
        if _is_out_of_credit(raw.content):
            raise DownError("out of credit", paid=False, request_id=request_id)
        raise BusyError(_retry_after(raw.headers), request_id=request_id)
    if raw.status >= 500 or raw.status in _TRY_LATER:
        paid = False if raw.status in _UNPAID_FAILURES else None
        raise DownError(f"answered {raw.status}", paid=paid, request_id=request_id)
    if not 200 <= raw.status < 300:
        raise RefusedError(raw.status, request_id=request_id)
    if raw.headers.get("content-encoding", "identity") != "identity":
        raise ReplyError("a packed answer, which nobody asked for", request_id=request_id)
    try:
        body = json.loads(raw.content)
    except (ValueError, RecursionError):
        raise ReplyError("no JSON", request_id=request_id) from None
    if not isinstance(body, dict):
        raise ReplyError("no JSON object", request_id=request_id)
    return Answer(body, request_id or printable(body.get("id")))


def _is_out_of_credit(content: bytes) -> bool:
    """Whether 429 means what no waiting of a single job mends: the account is empty."""
    return b'"insufficient_quota"' in content[:10_000]


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds, also where a date is named."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - clock.now()).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _request_id(headers: httpx.Headers) -> str:
    return printable(headers.get("x-request-id"))


def printable(value: object) -> str:
    """A stranger's identifier, as far as it can stand in a log line and a row."""
    text = value if isinstance(value, str) else ""
    return text[:_ID_CHARS] if text.isascii() and text.isprintable() else ""
