"""The host agent's environment, checked before it starts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_METADATA = "http://169.254.169.254"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class HostConfigError(ValueError):
    """Why the agent must not start, as a sentence that says what to do."""


@dataclass(frozen=True)
class HostConfig:
    """How the agent runs; durations are seconds.

    ``metadata_url`` and ``ecs_agent_uri`` are None where there are none. ``in_ecs`` is true in any
    container of ECS, also one that cannot be protected.
    """

    health_dir: Path
    idle_stop_seconds: float
    release_seconds: float
    poll_seconds: float
    refresh_seconds: float
    region: str | None
    metadata_url: str | None
    ecs_agent_uri: str | None
    in_ecs: bool
    log_format: str
    log_level: str


def read(environ: Mapping[str, str] = os.environ) -> HostConfig:
    """The configuration in *environ*; HostConfigError where it cannot be used."""
    disabled = (environ.get("AWS_EC2_METADATA_DISABLED") or "").lower() == "true"
    agent_uri = _address(environ.get("ECS_AGENT_URI") or "", "ECS_AGENT_URI")
    metadata = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _METADATA
    return HostConfig(
        health_dir=Path(environ.get("WORKER_HEALTH_DIR") or tempfile.gettempdir()),
        idle_stop_seconds=_seconds(environ.get("HOST_IDLE_STOP_SECONDS"), _IDLE_STOP),
        release_seconds=_seconds(environ.get("HOST_RELEASE_SECONDS"), _RELEASE),
        poll_seconds=_seconds(environ.get("HOST_POLL_SECONDS"), _POLL),
        refresh_seconds=_seconds(environ.get("HOST_REFRESH_SECONDS"), _REFRESH),
        region=environ.get("AWS_REGION") or None,
        metadata_url=None if disabled else _address(metadata, "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
        ecs_agent_uri=agent_uri,
        in_ecs=bool(agent_uri or environ.get("ECS_CONTAINER_METADATA_URI_V4")),
        log_format=environ.get("LOG_FORMAT") or "console",
        log_level=_level(environ.get("LOG_LEVEL") or "INFO"),
    )


@dataclass(frozen=True)
class _Seconds:
    name: str
    default: float
    low: float
    high: float


_DAY = 86_400.0
_IDLE_STOP = _Seconds("HOST_IDLE_STOP_SECONDS", 0, 0, _DAY)
_RELEASE = _Seconds("HOST_RELEASE_SECONDS", 60, 0, _DAY)
_POLL = _Seconds("HOST_POLL_SECONDS", 2, 0.05, 60)
_REFRESH = _Seconds("HOST_REFRESH_SECONDS", 60, 0.05, 3_600)


def _seconds(raw: str | None, wanted: _Seconds) -> float:
    try:
        value = float(raw or wanted.default)
    except ValueError:
        value = float("nan")
    if not wanted.low <= value <= wanted.high:
        raise HostConfigError(
            f"{wanted.name}={raw!r} must be a number of seconds from {wanted.low:g} to "
            f"{wanted.high:g}."
        )
    return value


def _address(url: str, name: str) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise HostConfigError(f"{name}={url!r} must be an address like http://169.254.169.254.")
    return url.rstrip("/")


def _level(level: str) -> str:
    if level not in _LEVELS:
        raise HostConfigError(f"LOG_LEVEL={level!r} must be one of {', '.join(_LEVELS)}.")
    return level
