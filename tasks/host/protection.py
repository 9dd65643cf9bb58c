"""Scale-in protection of an ECS task, by the agent endpoint that ECS gives every container."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from urllib.parse import urlsplit

from academy.core import clock

_TIMEOUT_SECONDS = 3.0
#: Protection ends by itself after this long where nobody renews it; ECS allows up to 48 h.
EXPIRES_MINUTES = 60


class ProtectionError(Exception):
    """ECS did not do it; the text says why."""


class EcsProtection:
    """Asks for protection on change, and renews it at half its time."""

    def __init__(self, agent_uri: str, *, now: Callable[[], float] = clock.monotonic) -> None:
        parts = urlsplit(agent_uri)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._path = f"{parts.path}/task-protection/v1/state"
        self._now = now
        self._protected: bool | None = None
        self._renew_at = 0.0

    def due(self, *, wanted: bool) -> bool:
        """Whether ECS must be told."""
        return wanted != self._protected or (wanted and self._now() >= self._renew_at)

    def set(self, *, wanted: bool) -> None:
        """Protect this task, or no longer. Raises ProtectionError; nothing is then remembered."""
        self._protected = None
        body: dict[str, bool | int] = {"ProtectionEnabled": wanted}
        if wanted:
            body["ExpiresInMinutes"] = EXPIRES_MINUTES
        answer = self._put(json.dumps(body))
        try:
            confirmed = answer["protection"]["ProtectionEnabled"]
        except (KeyError, TypeError):
            raise ProtectionError(_complaint(answer)) from None
        if confirmed is not wanted:
            raise ProtectionError("ECS answered with the opposite")
        self._protected = wanted
        self._renew_at = self._now() + EXPIRES_MINUTES * 60 / 2

    def _put(self, body: str) -> dict[str, dict[str, object]]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("PUT", self._path, body=body, headers=headers)
            answer = json.loads(connection.getresponse().read(65_536))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ProtectionError(f"no answer from ECS ({type(error).__name__})") from error
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else {}


def _complaint(answer: dict[str, dict[str, object]]) -> str:
    for key, field in (("failure", "Reason"), ("error", "Code")):
        part = answer.get(key)
        if isinstance(part, dict) and part.get(field):
            return str(part[field])
    return "unreadable answer"
