"""The adapter of the test provider, as a messaging provider's adapter would be written."""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any
from urllib.error import HTTPError

from academy.jobs.effects import NeverArrived, Refused, Sent

VARIABLE = "TEST_PROVIDER_URL"
TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True)
class Message:
    """What is sent: ``key`` is the occurrence."""

    tenant: str
    key: str
    recipient: str


class ProviderClient:
    """Sends and asks; every unclear answer is an exception."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        # The machine's proxy settings are for the outside world.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(self, effect_id: str, message: Message) -> Sent | Refused:
        answer = self._call("POST", "/sends", {"effect": effect_id, **asdict(message)})
        if answer is None:
            raise ConnectionError("the provider has no such address")
        return _read(answer)

    def ask(self, effect_id: str) -> Sent | Refused | NeverArrived:
        answer = self._call("GET", f"/sends/{effect_id}")
        return NeverArrived() if answer is None else _read(answer)

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise ConnectionError(f"the provider answered {error.code}") from error


def _read(answer: dict[str, Any]) -> Sent | Refused:
    if answer["accepted"]:
        return Sent(answer["reference"])
    return Refused("test_recipient_refused")


def from_environment() -> ProviderClient:
    """The provider that ``TEST_PROVIDER_URL`` names; KeyError where it is not set."""
    return ProviderClient(os.environ[VARIABLE])
