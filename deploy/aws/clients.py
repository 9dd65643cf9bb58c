"""The AWS account of one environment: its clients, and how patiently it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from deploy.aws.errors import DeployError

T = TypeVar("T")
_CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 6},
)


@dataclass
class Aws:
    """Clients of one region, made when they are first asked for.

    ``endpoint`` is an emulator's; else boto3's own ``AWS_ENDPOINT_URL`` holds, or AWS.
    ``poll_seconds`` is the pause between two looks at something that takes its time.
    """

    region: str
    session: boto3.Session = field(default_factory=boto3.Session)
    endpoint: str | None = None
    poll_seconds: float = 3.0
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """The client of one service, such as ``ecs``."""
        if service not in self._clients:
            self._clients[service] = self.session.client(  # type: ignore[call-overload]
                service, region_name=self.region, endpoint_url=self.endpoint, config=_CONFIG
            )
        return self._clients[service]

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """Everything that a paginated operation lists under ``key``."""
        paginator = self.client(service).get_paginator(operation)
        return [item for page in paginator.paginate(**arguments) for item in page.get(key, [])]

    def until(self, what: str, seconds: float, look: Callable[[], T | None]) -> T:
        """The first answer that is not None; DeployError where ``seconds`` pass without one."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise DeployError(f"{what} took longer than {seconds:g} s. It may still go on.")
            time.sleep(self.poll_seconds)
