"""HTTP to a provider, with its failures told apart by what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from academy.messaging.providers.port import Ambiguous, Misconfigured, Retryable

_CONNECT_SECONDS: Final = 5.0
_MOST_BYTES: Final = 32 << 20
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Http:
    """One pooled client for all threads of a process. ``headers`` are made anew for every call."""

    def __init__(
        self, base_url: str, headers: Callable[[], Mapping[str, str]], *, seconds: float
    ) -> None:
        self._headers = headers
        self._client = httpx.Client(
            base_url=base_url,
            timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
            limits=httpx.Limits(max_connections=20, keepalive_expiry=30),
            follow_redirects=False,
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        undoable: bool = True,
    ) -> httpx.Response:
        """Make one call; its answer may be any status below 500.

        ``undoable``: whatever the call did before its answer was lost does no harm, so that losing
        it is `Retryable`; else `Ambiguous`. Raises `Retryable`, `Ambiguous`, `Misconfigured` (401,
        403).
        """
        lost = Retryable if undoable else Ambiguous
        try:
            answer = self._client.request(
                method,
                path,
                json=json,
                params=None if params is None else dict(params),
                headers={**self._headers(), **(headers or {})},
            )
        except _NEVER_SENT as error:
            raise Retryable("provider_unavailable", type(error).__name__) from None
        except httpx.HTTPError as error:
            # The text of the error may hold the address and, with it, keys.
            raise lost("provider_answer_lost", type(error).__name__) from None
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Retryable("provider_unavailable", "429", retry_after=_seconds(answer))
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise lost("provider_answer_lost", str(answer.status_code))
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise Misconfigured("provider_misconfigured", str(answer.status_code))
        if len(answer.content) > _MOST_BYTES:
            raise lost("provider_answer_lost", "too long")
        return answer

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(answer: httpx.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
