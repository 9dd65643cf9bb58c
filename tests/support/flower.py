"""Flower, the relay and workers: real processes on a database and an SQS account of their own."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

import psycopg
from django.db import connections

from academy.core import clock
from academy.jobs import kinds
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from tasks import queues
from tests.support.kinds import registry
from tests.support.sqs_proxy import SqsProxy, wait_until
from tests.support.workers import ROOT, Site, Worker

LOGIN = "ops:a-local-password"
CONSOLE = "http://console.academy.example"


@contextmanager
def test_kinds() -> Iterator[None]:
    """The test kinds are known to this process meanwhile."""
    known = dict(kinds._kinds)
    registry.register()
    try:
        yield
    finally:
        kinds._kinds.clear()
        kinds._kinds.update(known)


@contextmanager
def scratch_database() -> Iterator[str]:
    """The URL of a migrated database that goes away again."""
    server = os.environ["DATABASE_URL"]
    name = f"flower_{secrets.token_hex(6)}"
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
            cwd=ROOT,
            env=os.environ
            | {"DJANGO_SETTINGS_MODULE": "academy.settings.test", "DATABASE_URL": url},
            check=True,
            timeout=60,
        )
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def alias_of(database_url: str) -> Iterator[str]:
    """A Django alias for *database_url*; its use needs the test's leave to touch a database."""
    alias = f"flower-{secrets.token_hex(4)}"
    name = urlsplit(database_url).path.removeprefix("/")
    connections.databases[alias] = {**connections.databases["default"], "NAME": name}
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.databases[alias]


@dataclass
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    text: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class FlowerClient:
    """One Flower, asked over HTTP."""

    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, *, method: str = "GET", login: str = LOGIN, **headers: str) -> Answer:
        """Ask Flower, and never raise for what it answers; status 0 where it is not there."""
        return self._ask(path, method, login, headers, b"" if method == "POST" else None)

    def post(
        self, path: str, form: dict[str, str] | None = None, *, token: bool = True, **headers: str
    ) -> Answer:
        """Press a button as the page does it: with the login and the page's own token."""
        if token:
            given = self.get("/broker").cookies["_xsrf"]
            headers |= {"Cookie": f"_xsrf={given}", "X-XSRFToken": given}
        return self._ask(path, "POST", LOGIN, headers, urlencode(form or {}).encode())

    def _ask(
        self, path: str, method: str, login: str, headers: dict[str, str], data: bytes | None
    ) -> Answer:
        request = urllib.request.Request(
            f"{self.url}{path}", method=method, data=data, headers=headers
        )
        if login:
            token = base64.b64encode(login.encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return Answer(answer.status, answer.read().decode(), _cookies(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode())
        except OSError as error:
            return Answer(0, str(error))

    def tasks(self) -> dict[str, Any]:
        """What Flower shows, by task id."""
        return dict(self.get("/api/tasks?limit=1000").json)

    def shown(self, jobs: list[UUID], *states: str, timeout: float = 20) -> list[dict[str, Any]]:
        """Wait until Flower shows every one of *jobs* in one of *states*."""

        def found() -> list[dict[str, Any]]:
            tasks = self.tasks()
            rows = [tasks.get(str(job), {}) for job in jobs]
            return rows if all(row.get("state") in states for row in rows) else []

        return list(wait_until(found, timeout, f"{len(jobs)} tasks are shown as {states}"))

    def state_of_worker(self, name: str) -> str:
        """What Flower says that a worker does."""
        return str(self.get("/platform/fleet").json["workers"].get(name, {}).get("state", ""))

    def worker_name(self, queue: str) -> str:
        """The name of the queue's worker, once Flower knows it."""

        def found() -> str:
            names = [name for name in self.get("/api/workers").json if name.startswith(f"{queue}@")]
            return names[0] if names else ""

        return str(wait_until(found, 20, f"Flower knows the worker of {queue}"))


def _cookies(headers: Any) -> dict[str, str]:
    pairs = [line.partition(";")[0].partition("=") for line in headers.get_all("Set-Cookie") or []]
    return {name: value for name, _, value in pairs}


@dataclass
class FlowerSite(FlowerClient):
    """Processes around one Flower. ``log`` files stay in *folder*."""

    site: Site = field(kw_only=True)
    database_url: str = field(kw_only=True)
    alias: str = field(kw_only=True)
    folder: Path = field(kw_only=True)
    extra: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return self.site.environ | {
            "DJANGO_SETTINGS_MODULE": "academy.settings.test",
            "DATABASE_URL": self.database_url,
            "ACADEMY_TEST_KINDS": "1",
            "EVENTS_FLUSH_SECONDS": "1",
            "RELAY_POLL_SECONDS": "1",
            "FLOWER_PORT": str(self.port),
            "FLOWER_BASIC_AUTH": LOGIN,
            "FLOWER_DB": str(self.folder / "flower"),
            "PUBLIC_BASE_URL": CONSOLE,
            "WORKER_HEALTH_FILE": "",
            "WORKER_HEALTH_DIR": str(self.folder),
            **self.extra,
        }

    def start_worker(self, queue: str) -> Worker:
        """A worker of the platform's own application."""
        return self.site.start(queue, argv=queues.worker_argv(queue), **self.environ)

    def start(self, name: str, *, ready: str, module: str = "", **environ: str) -> str:
        """Start ``python -m tasks.<module>``; returns its log once that says *ready*."""
        log_path = self.folder / f"{name}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"tasks.{module or name}"],
                cwd=ROOT,
                env=self.environ | environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.processes[name] = process

        def says() -> str:
            said = log_path.read_text(errors="replace")
            assert process.poll() is None, f"{name} ended with {process.returncode}:\n{said}"
            return said if ready in said else ""

        return str(wait_until(says, 30, f"{name} is ready"))

    def start_flower(self) -> None:
        """Start Flower; on a free port the first time, on the same one later."""
        self.port = self._listening("flower")

    def another_flower(self, name: str, **environ: str) -> FlowerClient:
        """A second Flower, on a port of its own and with a history of its own."""
        history = str(self.folder / name)
        return FlowerClient(self._listening(name, FLOWER_PORT="0", FLOWER_DB=history, **environ))

    def _listening(self, name: str, **environ: str) -> int:
        said = self.start(name, module="flower", ready="Flower on http", **environ)
        found = re.search(r"Flower on http://127\.0\.0\.1:(\d+)/", said)
        assert found, said
        client = FlowerClient(int(found[1]))
        wait_until(lambda: client.get("/healthcheck").status == 200, 10, "Flower answers")
        return client.port

    def stop(self, name: str) -> int:
        """SIGTERM; the exit status."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(15)

    def submit(self, kind: str, count: int = 1, **params: Any) -> list[UUID]:
        """Rows as a submission stores them; the relay takes it from there."""
        tenant = Tenant(slug=f"t-{secrets.token_hex(6)}", name="t")
        tenant.save(using=self.alias, force_insert=True)
        now, spec = clock.now(), kinds.get(kind)
        jobs = [
            Job(
                tenant=tenant,
                kind=kind,
                kind_version=spec.version,
                queue=spec.queue,
                params=params,
                submitted_by="test",
                created_at=now,
                not_before=now,
            )
            for _ in range(count)
        ]
        Job.unscoped.using(self.alias).bulk_create(jobs)
        return [job.pk for job in jobs]

    def ended(self, jobs: list[UUID], timeout: float = 30) -> None:
        """Wait until every one of *jobs* is in a terminal state."""
        rows = Job.unscoped.using(self.alias).filter(pk__in=jobs, finished_at__isnull=False)
        wait_until(lambda: rows.count() == len(jobs), timeout, f"{len(jobs)} jobs have ended")

    def row(self, job: UUID) -> Job:
        """The job as the database has it now."""
        return Job.unscoped.using(self.alias).get(pk=job)


@contextmanager
def flower_site(
    folder: Path, *names: str, events: tuple[str, ...] = (), **environ: str
) -> Iterator[FlowerSite]:
    """Flower, the relay and workers of the queues called *names*, ready.

    *events* are the queues of further Flowers, beside ``academy-events``.
    """
    with ExitStack() as stack:
        stack.enter_context(test_kinds())
        database_url = stack.enter_context(scratch_database())
        alias = stack.enter_context(alias_of(database_url))
        proxy = stack.enter_context(SqsProxy(os.environ["SQS_ENDPOINT_URL"]))
        account = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
        site = Site(folder, account, proxy)
        stack.callback(site.close)
        if events:
            environ["SQS_QUEUE_EVENTS"] = ",".join((queues.EVENTS_QUEUE, *events))
        made = FlowerSite(
            site=site, database_url=database_url, alias=alias, folder=folder, extra=environ
        )
        stack.callback(lambda: [made.stop(name) for name in list(made.processes)])
        site.provision(*(row.name for row in queues.table()))
        for name in events:
            site.sqs.create_queue(QueueName=name)
        workers = [made.start_worker(name) for name in names]
        made.start("relay", ready="relay up")
        made.start_flower()
        for worker in workers:
            worker.ready(60)
        yield made
