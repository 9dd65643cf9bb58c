#!/opt/venv/bin/python
"""What a container runs: `academy ROLE`, and `academy health`, its HEALTHCHECK.

    academy api                     the API's server
    academy relay                   the relay
    academy worker QUEUE            a worker of one queue, with the command line of tasks.queues
    academy host                    the host agent
    academy flower                  Flower
    academy manage COMMAND...       manage.py
    academy health                  0 where the container's role does its work, else 1 and why

The role is written down in the folder for temporary files when the container starts, so that one
HEALTHCHECK serves every role. Each role becomes the process itself: it gets SIGTERM from tini.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

APP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(APP))

from tasks import queues  # noqa: E402 - found through the path above

#: The queues whose libraries this image has, separated by spaces; absent in an image without any.
QUEUES_FILE = Path("/usr/share/academy/queues")
_ANSWER_SECONDS = 4.0


class RoleError(Exception):
    """The container cannot be started like this; the text says what to do."""


def command(role: str, arguments: Sequence[str], offered: Sequence[str]) -> list[str]:
    """The command line of a role, after the interpreter; *offered* are the image's queues.

    Raises RoleError.
    """
    match role:
        case "api":
            server = ("gunicorn", "-c", "python:academy.settings.gunicorn", "academy.wsgi")
            return ["-m", *server, *arguments]
        case "worker":
            return ["-m", *queues.worker_argv(_queue(arguments, offered))]
        case "relay" | "host" | "flower":
            if arguments:
                raise RoleError(f"The role {role} takes no arguments.")
            return ["-m", f"tasks.{role}"]
        case "manage":
            return ["manage.py", *arguments]
        case _:
            roles = "api, relay, worker QUEUE, host, flower, manage COMMAND, health"
            raise RoleError(f"There is no role {role!r}. The roles are: {roles}.")


def _queue(arguments: Sequence[str], offered: Sequence[str]) -> str:
    wanted = " or ".join(offered) or "none: take the image of the queue's workers"
    if len(arguments) != 1:
        raise RoleError(f"Say which queue the worker is for; this image has {wanted}.")
    (queue,) = arguments
    if queue not in offered:
        raise RoleError(f"This image cannot work on {queue!r}; it has {wanted}.")
    return queue


def process_name(role: str) -> str:
    """ACADEMY_PROCESS of a role."""
    return role if role in ("api", "relay", "worker") else "command"


def health_command(role: str, arguments: Sequence[str]) -> list[str] | None:
    """The check of a role that is a command of its own; None where this file has it."""
    match role:
        case "worker":
            return ["-m", "tasks.worker.health", *arguments]
        case "relay":
            return ["-m", "tasks.relay_health"]
        case _:
            return None


def health_url(role: str, environ: Mapping[str, str]) -> str | None:
    """The page that says whether a server is well; None for a role without one."""
    match role:
        case "api":
            return f"http://127.0.0.1:{environ.get('BIND', ':8000').rpartition(':')[2]}/healthz"
        case "flower":
            return f"http://127.0.0.1:{environ.get('FLOWER_PORT') or 5555}/healthcheck"
        case _:
            return None


def trouble(url: str, host: str) -> str | None:
    """Why a page does not answer with 200; None where it does. *host* is what it is asked as."""
    request = urllib.request.Request(url, headers={"Host": host})  # noqa: S310 - 127.0.0.1
    # Whatever proxy the environment names is for other addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_ANSWER_SECONDS) as answer:
            return None if answer.status == 200 else f"{url} answers {answer.status}."
    except (urllib.error.URLError, OSError) as error:
        return f"{url}: {error}."


def _role_file() -> Path:
    return Path(tempfile.gettempdir()) / "academy-role.json"


def _offered() -> list[str]:
    return QUEUES_FILE.read_text().split() if QUEUES_FILE.is_file() else []


def _remember(role: str, arguments: Sequence[str]) -> None:
    try:
        _role_file().write_text(json.dumps([role, *arguments]))
    except OSError as error:
        raise RoleError(
            f"{_role_file()} cannot be written ({error.strerror}): give a container with a "
            "read-only root file system a tmpfs at /tmp and a volume at /scratch."
        ) from error


def _become(argv: Sequence[str]) -> NoReturn:
    os.chdir(APP)
    os.execv(sys.executable, [sys.executable, *argv])  # noqa: S606 - the role replaces this process


def start(role: str, arguments: Sequence[str]) -> NoReturn:
    """Become the role. Raises RoleError."""
    argv = command(role, arguments, _offered())
    os.environ.setdefault("ACADEMY_PROCESS", process_name(role))
    if role != "manage":  # it may be run beside the container's own process
        _remember(role, arguments)
    _become(argv)


def health() -> int:
    """The exit status of the HEALTHCHECK; a sentence where it is 1."""
    try:
        role, *arguments = json.loads(_role_file().read_text())
    except (OSError, ValueError):
        print("This container has no role: it was not started through `academy`.")
        return 1
    if argv := health_command(role, arguments):
        _become(argv)
    url = health_url(role, os.environ)
    if url is None:
        return 0
    host = (os.environ.get("ALLOWED_HOSTS") or "localhost").split(",")[0].strip()
    if problem := trouble(url, host):
        print(problem)
        return 1
    return 0


def main(arguments: Sequence[str], run_health: Callable[[], int] = health) -> int:
    """Entry point: 2 with a sentence where the arguments cannot be used."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    role, *rest = arguments
    try:
        if role == "health":
            return run_health()
        start(role, rest)
    except (RoleError, queues.QueueConfigError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
