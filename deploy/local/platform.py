"""The order of things: services, then schema, queues and buckets, then the platform's processes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from deploy.local import services
from deploy.local.environment import environment
from deploy.local.errors import LaunchError, ProcessDied
from deploy.local.ports import HOST, Ports
from deploy.local.probes import answers, reports_in
from deploy.local.process import Command, Supervisor
from deploy.local.setup import ROOT
from deploy.local.state import StateFolder
from tasks.queues import table, worker_argv

_ATTEMPTS = 3
_READY_SECONDS = 90.0  # on two busy cores; a dead child is noticed at once
_PORT_TAKEN = ("address already in use", "address in use", "is already in use", "errno 98")


class Platform:
    """One copy of the platform, its folder and its ports."""

    def __init__(
        self,
        supervisor: Supervisor,
        folder: StateFolder,
        choose_ports: Callable[[], Ports],
        *,
        durable: bool,
    ) -> None:
        """`choose_ports` is asked again when free ports were lost to another program."""
        self.supervisor = supervisor
        self.folder = folder
        self.secrets = folder.secrets()
        self.ports = choose_ports()
        self._choose_ports = choose_ports
        self._durable = durable

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every process of this copy."""
        return environment(self.ports, self.folder, self.secrets)

    async def start_services(self) -> None:
        """PostgreSQL, S3 and SQS side by side; the database exists afterwards."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await _side_by_side(
                    self._start_postgres(),
                    self.supervisor.start(
                        services.s3(self.folder, self.ports, self.secrets, durable=self._durable),
                        services.sqs(self.folder, self.ports),
                    ),
                )
            except ProcessDied as error:
                ports = self._choose_ports()
                if ports == self.ports or attempt == _ATTEMPTS or not _lost_port(error):
                    raise
                await self.supervisor.stop()
                self.ports = ports
            else:
                return

    async def _start_postgres(self) -> None:
        files = services.postgres_files(self.folder)
        port, secrets, durable = self.ports.postgres, self.secrets, self._durable
        await services.initialise_postgres(self.supervisor, files, secrets, durable=durable)
        await self.supervisor.start(services.postgres(files, port, durable=durable))
        await services.ensure_database(self.supervisor, files, port, secrets)

    async def prepare(self) -> None:
        """Schema, queues and buckets, all of them safe to repeat."""
        await self.supervisor.run(
            self._manage("migrate", "--no-input", "--verbosity", "1"),
            self._manage("ensure_queues"),
            self._manage("ensure_buckets"),
        )

    async def start_processes(self) -> None:
        """API, relay, a worker for each queue, and Flower."""
        await self.supervisor.start(
            self._api(),
            self._relay(),
            *(self._worker(queue.name) for queue in table(self.environment)),
            self._flower(),
        )

    async def start(self) -> None:
        """Everything, in order."""
        await self.start_services()
        await self.prepare()
        await _side_by_side(self.start_processes(), self._make_operator())

    async def _make_operator(self) -> None:
        """The member of the platform's staff who may use the console."""
        await self.supervisor.run(self._manage("staff_create", "--from-environment"))

    def _variables(self, role: str) -> dict[str, str]:
        scratch = str(self.folder.scratch)
        return {**self.environment, "ACADEMY_PROCESS": role, "TMPDIR": scratch}

    def _command(
        self, name: str, *arguments: str, role: str = "command", **options: Any
    ) -> Command:
        environment = {**self._variables(role), **options.pop("environment", {})}
        argv = [sys.executable, *arguments]
        return Command(name, argv, environment, ROOT, ready_seconds=_READY_SECONDS, **options)

    def _manage(self, command: str, *arguments: str) -> Command:
        return self._command(command, "manage.py", command, *arguments)

    def _worker(self, queue: str) -> Command:
        health = self.folder.scratch / f"worker-{queue}.json"
        return self._command(
            f"w-{queue}",
            *("-m", *worker_argv(queue)),
            role="worker",
            environment={"WORKER_HEALTH_FILE": str(health)},
            ready=reports_in(health),
            # A warm shutdown finishes or releases what the worker holds; that may take its time.
            grace_seconds=60.0,
        )

    def _relay(self) -> Command:
        return self._command("relay", "-m", "tasks.relay", role="relay", grace_seconds=15.0)

    def _api(self) -> Command:
        return self._command(
            "api",
            *("-m", "gunicorn", "-c", "python:academy.settings.gunicorn", "academy.wsgi"),
            *("--bind", f"{HOST}:{self.ports.api}", "--graceful-timeout", "10"),
            role="api",
            ready=answers(self.ports.api, "/healthz"),
            grace_seconds=15.0,
        )

    def _flower(self) -> Command:
        return self._command(
            "flower",
            *("-m", "tasks.flower"),
            ready=answers(self.ports.flower, "/", 200, 302, 401),
        )


async def _side_by_side(*work: Coroutine[None, None, None]) -> None:
    """Do all of it at once; the first failure cancels the rest."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _lost_port(error: ProcessDied) -> bool:
    said = "\n".join(error.tail).lower()
    return any(words in said for words in _PORT_TAKEN)


async def run_until(stop: asyncio.Event, work: asyncio.Task[None]) -> None:
    """Do the work, cancelled when a stop is asked for; LaunchError when a child dies meanwhile."""
    asked = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({asked, work}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        asked.cancel()
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def check_installed() -> None:
    """LaunchError when an environment is missing or this is not the project's own Python."""
    expected = ROOT / ".venv"
    if Path(sys.prefix) != expected and not (Path(sys.prefix) / "bin" / "weed").exists():
        raise LaunchError(f"{expected} is not set up or not in use. Run: make setup")
