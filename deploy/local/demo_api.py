"""The demo's REST client: what any client of the API would write, and nothing more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_BUSY_STATUSES = frozenset({429, 502, 503})
_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.3


class DemoError(Exception):
    """Something the demo promised did not hold; the message says what, and what to look at."""


class ApiError(DemoError):
    """The API refused a request."""

    def __init__(self, method: str, path: str, response: httpx.Response) -> None:
        self.status = response.status_code
        self.code, text = _problem(response)
        request_id = response.headers.get("X-Request-ID", "none")
        super().__init__(
            f"{method} {path} was answered with {self.status} {self.code}: {text} "
            f"(look for request {request_id} in api.log)"
        )


class Api:
    """JSON over HTTP with one credential; errors become sentences."""

    def __init__(self, base_url: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=base_url, headers=headers, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str) -> dict[str, Any]:
        """Read one thing; ApiError when it is refused."""
        return self._call("GET", path, None, {})

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = ""
    ) -> dict[str, Any]:
        """Send JSON.

        Only a request with an idempotency key is sent again when its answer is lost: any other
        might be carried out twice.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._call("POST", path, dict(body or {}), headers)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace something; the same again changes nothing."""
        return self._call("PUT", path, dict(body), {})

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change what is named."""
        return self._call("PATCH", path, dict(body), {})

    def until(
        self, path: str, holds: Callable[[dict[str, Any]], bool], within_seconds: float
    ) -> dict[str, Any]:
        """Read until it is so; DemoError with the last state when that takes too long."""
        deadline = time.monotonic() + within_seconds
        while not holds(found := self.get(path)):
            if time.monotonic() > deadline:
                raise DemoError(f"{path} is still {found.get('state')} after {within_seconds:g} s")
            time.sleep(_POLL_SECONDS)
        return found

    def status_of(self, path: str) -> int:
        """The bare status of a GET, for requests that are meant to be refused."""
        return self.http.get(path).status_code

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        repeatable = method in {"GET", "PUT"} or "Idempotency-Key" in headers
        deadline = time.monotonic() + (_PATIENCE_SECONDS if repeatable else 0.0)
        while True:
            response = None
            try:
                response = self.http.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise DemoError(
                        f"The API at {self.http.base_url} does not answer {method} {path} "
                        f"({error}). Look at api.log"
                    ) from error
            if response is not None:
                if response.is_success:
                    answer: dict[str, Any] = response.json() if response.content else {}
                    return answer
                if response.status_code not in _BUSY_STATUSES or time.monotonic() > deadline:
                    raise ApiError(method, path, response)
            time.sleep(_pause(response))


def _pause(response: httpx.Response | None) -> float:
    """Seconds to wait before the request is sent again."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(asked), 10.0) if asked.isdecimal() else 0.5


def _problem(response: httpx.Response) -> tuple[str, str]:
    """Code and English text of an error body, whatever came."""
    try:
        error = response.json()["error"]
        text = f"{error['message']['en']} {error['action']['en']}"
        return error["code"], f"{text} {error['details'] or ''}".strip()
    except (ValueError, KeyError, TypeError):
        return "unknown", response.text[:200]
