"""Does the deployed platform work? Its API answers, and work gets through it."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from deploy.aws.clients import Aws
from deploy.aws.config import Environment
from deploy.aws.errors import DeployError
from deploy.aws.findings import Finding
from deploy.aws.oneoff import OneOff

#: A load balancer takes a new target in after some checks; a tunnel connects in seconds.
READY_SECONDS = 180.0
#: Nothing is broken, and not everything was proved.
_ATTENTION = 3


def ready(environment: Environment, aws: Aws) -> None:
    """Wait for ``/readyz`` of the public address; DeployError with what it says while it fails."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        said = _readyz(str(environment.url).rstrip("/") + "/readyz")
        if said is None:
            return
        if time.monotonic() > deadline:
            raise DeployError(f"{environment.url}readyz is not ready: {said}")
        time.sleep(aws.poll_seconds)


def deep_check(
    environment: Environment, one_off: OneOff, say: Callable[[str], None]
) -> list[Finding]:
    """Send a tiny job through the queues; DeployError with the command's own table."""
    wanted = environment.deep_check
    queues = [part for name in wanted.queues for part in ("--queue", name)]
    ended = one_off.run(
        ["deepcheck", *queues, "--timeout", str(wanted.timeout_seconds)],
        seconds=wanted.timeout_seconds + 300,
        say=say,
    )
    if ended.exit_code not in (0, _ATTENTION):
        raise DeployError(ended.told("The deep check"))
    for line in ended.log:
        say(f"  | {line}")
    if ended.exit_code == _ATTENTION:
        text = "The deep check found nothing broken, but a queue is paused or busy."
        return [Finding(text, fatal=False)]
    return []


def _readyz(address: str) -> str | None:
    """Why it is not ready, None when it is."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", parts.path, headers={"User-Agent": "academy-deploy"})
        answer = connection.getresponse()
        body = answer.read(20_000)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    if answer.status == http.client.OK:
        return None
    return f"it answers {answer.status}{_failing(body)}"


def _failing(body: bytes) -> str:
    try:
        checks = json.loads(body)["checks"]
        names = [name for name, one in checks.items() if not one["ok"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f" ({', '.join(names)})" if names else ""
