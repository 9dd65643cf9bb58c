"""The roles of the platform: which process of which image each is, and on what it computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from deploy.aws.stack.cfn import camel
from tasks import queues

#: ``service``: always up; ``pool``: on Fargate as long as there is work; ``gpu``: on hosts of its
#: own as long as there is work; ``command``: run by hand or by a deployment, and ends.
Runs = Literal["service", "pool", "gpu", "command"]

_WORKER_IMAGES: Final = {
    "video": "academy-video-worker",
    "ai-lite": "academy-ai-worker-cpu",
    "ai-basic": "academy-ai-worker-cpu",
    "ai-premium": "academy-ai-worker-gpu",
    "messaging": "academy-messaging-worker",
}
#: Messages are sent within seconds of a click, which no host that starts first can do.
_ALWAYS_UP: Final = frozenset({"messaging"})


@dataclass(frozen=True)
class Role:
    """One role. Its service, task definition, IAM roles and log group are named after it."""

    name: str
    image: str
    process: str
    """``ACADEMY_PROCESS``."""
    command: tuple[str, ...]
    """What the image's entry point is told."""
    runs: Runs
    queue: queues.Queue | None = None
    port: int | None = None
    stop_seconds: int = 30
    """Between SIGTERM and SIGKILL; Fargate waits for 120 at most."""

    @property
    def id(self) -> str:
        """As the beginning of logical ids, such as ``AiLite``."""
        return camel(self.name)


def _worker(queue: queues.Queue) -> Role:
    if queue.name in _ALWAYS_UP:
        runs: Runs = "service"
    else:
        runs = "pool" if "cpu" in queue.host_kinds else "gpu"
    return Role(
        name=queue.name,
        image=_WORKER_IMAGES[queue.name],
        process="worker",
        command=("worker", queue.name),
        runs=runs,
        queue=queue,
        stop_seconds=120,
    )


def table() -> tuple[Role, ...]:
    """Every role; a queue without an image for its worker is a KeyError."""
    return (
        Role("api", "academy-api", "api", ("api",), "service", port=8000, stop_seconds=60),
        Role("relay", "academy-api", "relay", ("relay",), "service"),
        Role("flower", "academy-flower", "command", ("flower",), "service", port=5555),
        *(_worker(queue) for queue in queues.table({})),
        Role("manage", "academy-api", "command", ("manage", "check", "--deploy"), "command"),
    )


def images() -> tuple[str, ...]:
    """The images that the roles need, each once."""
    return tuple(dict.fromkeys(role.image for role in table()))
