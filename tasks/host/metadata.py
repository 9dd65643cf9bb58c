"""EC2's instance metadata, version 2 only: a token, short time-outs, no proxies."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 1.0
_TOKEN_SECONDS = 21_600
#: What the group is about to make of this instance, of ``autoscaling/target-lifecycle-state``.
_LEAVING_STATES = frozenset(
    {"Terminated", "Warmed:Terminated", "Warmed:Stopped", "Warmed:Hibernated"}
)


class MetadataError(Exception):
    """The metadata service did not answer, or not with what was asked for."""


@dataclass(frozen=True)
class Notice:
    """This computer is about to go. ``from_group``: an Auto Scaling group waits for our word."""

    why: str
    from_group: bool = False


class Metadata:
    """A client of one metadata service; every method may raise :class:`MetadataError`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._prefix = parts.path
        self._token = ""

    def instance_id(self) -> str:
        """``i-…`` of this computer."""
        found = self._get("meta-data/instance-id")
        if not found or not found.startswith("i-"):
            raise MetadataError("the metadata service names no instance")
        return found

    def region(self) -> str | None:
        """The region of this computer."""
        return self._get("meta-data/placement/region")

    def notice(self) -> Notice | None:
        """A spot interruption, or the group's decision to take this instance away."""
        if action := self._get("meta-data/spot/instance-action"):
            return Notice(f"spot interruption: {_spot_action(action)}")
        target = self._get("meta-data/autoscaling/target-lifecycle-state")
        if target in _LEAVING_STATES:
            return Notice(f"the Auto Scaling group is taking it away: {target}", from_group=True)
        return None

    def _get(self, path: str) -> str | None:
        """The text at *path*; None where there is none."""
        status, text = self._ask("GET", path, {"X-aws-ec2-metadata-token": self._fresh_token()})
        if status == 401:
            self._token = ""
            headers = {"X-aws-ec2-metadata-token": self._fresh_token()}
            status, text = self._ask("GET", path, headers)
        if status == 404:
            return None
        if status != 200:
            raise MetadataError(f"{path} answered {status}")
        return text.strip()

    def _fresh_token(self) -> str:
        if not self._token:
            headers = {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)}
            status, text = self._ask("PUT", "api/token", headers)
            if status != 200 or not text:
                raise MetadataError(f"no token ({status})")
            self._token = text.strip()
        return self._token

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, f"{self._prefix}/latest/{path}", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(65_536).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise MetadataError(f"{path}: {type(error).__name__}") from error
        finally:
            connection.close()


def _spot_action(text: str) -> str:
    try:
        return str(json.loads(text)["action"])
    except (ValueError, KeyError, TypeError):
        return "unreadable"
