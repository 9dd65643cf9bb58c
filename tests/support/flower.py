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
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
from django.db import connections

from academy.core import clock
from academy.jobs.models import Job
from academy.tenants.models import Tenant
from tasks import queues
from tests.support.sqs_proxy import SqsProxy, wait_until
from tests.support.workers import ROOT, Site, Worker

LOGIN = "ops:a-local-password"
#: The test kinds that run here, and their queues.
QUEUES = {
    "test.ok": "ai-lite",
    "test.permanent": "ai-lite",
    "test.fan_out": "ai-lite",
    "test.transient": "ai-basic",
    "test.poison": "ai-basic",
}


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

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class FlowerSite:
    """Processes around one Flower. ``log`` files stay in *folder*."""

    site: Site
    database_url: str
    alias: str
    folder: Path
    port: int = 0
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
        }

    def start_worker(self, queue: str) -> Worker:
        """A worker of the platform's own application."""
        return self.site.start(queue, argv=queues.worker_argv(queue), **self.environ)

    def start(self, name: str, *, ready: str, **environ: str) -> str:
        """Start ``python -m tasks.<name>``; returns its log once that says *ready*."""
        log_path = self.folder / f"{name}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"tasks.{name}"],
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
        said = self.start("flower", ready="Flower on http")
        found = re.search(r"Flower on http://127\.0\.0\.1:(\d+)/", said)
        assert found, said
        self.port = int(found[1])
        wait_until(lambda: self.get("/healthcheck").status == 200, 10, "Flower answers")

    def stop(self, name: str) -> int:
        """SIGTERM; the exit status."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(15)

    def get(self, path: str, *, method: str = "GET", login: str = LOGIN, **headers: str) -> Answer:
        """Ask Flower, and never raise for what it answers; status 0 where it is not there."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=b"" if method == "POST" else None,
            headers=headers,
        )
        if login:
            token = base64.b64encode(login.encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode())
        except OSError as error:
            return Answer(0, str(error))

    def submit(self, kind: str, count: int = 1, **params: Any) -> list[UUID]:
        """Rows as a submission stores them; the relay takes it from there."""
        tenant = Tenant(slug=f"t-{secrets.token_hex(6)}", name="t")
        tenant.save(using=self.alias, force_insert=True)
        now = clock.now()
        jobs = [
            Job(
                tenant=tenant,
                kind=kind,
                kind_version=1,
                queue=QUEUES[kind],
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


@contextmanager
def flower_site(folder: Path) -> Iterator[FlowerSite]:
    """Flower, the relay and two prefork workers, ready."""
    with ExitStack() as stack:
        database_url = stack.enter_context(scratch_database())
        alias = stack.enter_context(alias_of(database_url))
        proxy = stack.enter_context(SqsProxy(os.environ["SQS_ENDPOINT_URL"]))
        account = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
        site = Site(folder, account, proxy)
        stack.callback(site.close)
        made = FlowerSite(site, database_url, alias, folder)
        stack.callback(lambda: [made.stop(name) for name in list(made.processes)])
        site.provision(*(row.name for row in queues.table()))
        workers = [made.start_worker(name) for name in ("ai-lite", "ai-basic")]
        made.start("relay", ready="relay up")
        made.start_flower()
        for worker in workers:
            worker.ready()
        yield made
