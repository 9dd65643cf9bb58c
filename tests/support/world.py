"""A whole platform of real processes whose every part can be broken.

PostgreSQL of its own, SQS behind a fault proxy in an account of its own, the buckets of the
environment, a messaging provider that counts, and any number of relays, workers and APIs with
short leases, so that what takes minutes in production takes seconds here.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import boto3
from django.db import connections

from academy.jobs import kinds
from academy.jobs.models import Job
from academy.jobs.states import TERMINAL
from academy.jobs.submit import Order, Submitter, jobs_submit
from academy.settings.database_url import parse
from academy.tenants.models import QueueLimit, Tenant
from deploy.local.ports import HOST, FreePorts
from tasks import queues
from tests.support.jobs import make_tenant
from tests.support.kinds import registry
from tests.support.postgres import Postgres
from tests.support.processes import Process, eventually
from tests.support.provider import Provider, serving
from tests.support.sqs_proxy import SqsProxy

LEASE_SECONDS = 3
VISIBILITY_SECONDS = 6
FINISH_SECONDS = 2
_ENDED = [state.value for state in TERMINAL]

_PREPARE = """
import django
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
call_command("ensure_queues", verbosity=0)
call_command("ensure_buckets", verbosity=0)
"""


class World:
    """Use as a context manager; inside, Django's models of this process are the world's."""

    def __init__(self, **environ: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="academy-world-"))
        self.folder.chmod(0o711)
        self.logs = self.folder / "log"
        self.logs.mkdir()
        self._extra = environ
        self._stack = ExitStack()
        self._ports = FreePorts()
        self.account = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
        self.database = Postgres(self.folder, self._ports)
        self.proxy = SqsProxy(os.environ["SQS_ENDPOINT_URL"])
        self.provider = Provider()
        self.processes: list[Process] = []

    def __enter__(self) -> Self:
        try:
            self._stack.callback(_remove, self.folder)
            self._stack.callback(self._ports.release)
            self._stack.callback(self.database.close)
            self.database.create()
            self._stack.enter_context(self.proxy)
            self._stack.enter_context(serving(self.provider))
            self._stack.callback(self._kill_everything)
            status = self.process("prepare", "-c", _PREPARE).start().wait(120)
            assert status == 0, self.processes[0].log
            self.processes.clear()
            self._stack.enter_context(_models_of(self.database.url))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _kill_everything(self) -> None:
        for process in self.processes:
            process.kill()

    @property
    def environ(self) -> dict[str, str]:
        """The variables of every process of this world."""
        return {
            "DJANGO_SETTINGS_MODULE": "academy.settings.test",
            "ACADEMY_TEST_KINDS": "1",
            "DATABASE_URL": self.database.url,
            "SQS_ENDPOINT_URL": self.proxy.url,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "ap-northeast-2",
            "TEST_PROVIDER_URL": self.provider.url,
            "SCRATCH_DIR": str(self.folder / "scratch"),
            "PREMIUM_ON_CPU": "1",
            "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
            "JOB_REPUBLISH_SECONDS": "6",
            "RELAY_POLL_SECONDS": "0.2",
            "RELAY_SWEEP_SECONDS": "0.5",
            "SQS_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS),
            "SQS_WAIT_SECONDS": "1",
            "WORKER_FINISH_SECONDS": str(FINISH_SECONDS),
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            **self._extra,
        }

    # ------------------------------------------------------------------ processes

    def process(self, name: str, *argv: str, **environ: str) -> Process:
        """A Python process of this world, not yet started."""
        same = sum(process.name.startswith(name) for process in self.processes)
        made = Process(
            f"{name}-{same}" if same else name,
            [sys.executable, *argv],
            folder=self.logs,
            environ={**self.environ, **environ},
        )
        self.processes.append(made)
        return made

    def relay(self, **environ: str) -> Process:
        return self.process("relay", "-m", "tasks.relay", **environ).start()

    def worker(self, queue: str, **environ: str) -> Process:
        """A worker with the table's own command line; wait for it with ``said(" ready.")``."""
        name = f"worker-{queue}"
        health = str(self.folder / f"health-{secrets.token_hex(4)}.json")
        argv = ["-m", *queues.worker_argv(queue)]
        return self.process(name, *argv, WORKER_HEALTH_FILE=health, **environ).start()

    def free_port(self) -> int:
        """A port that nobody else takes while this world is there."""
        return self._ports.take().api

    def api(self, **environ: str) -> tuple[Process, str]:
        """gunicorn with one process, and its address."""
        port = self.free_port()
        url = f"http://{HOST}:{port}"
        process = self.process(
            "api",
            *("-m", "gunicorn", "-c", "python:academy.settings.gunicorn", "academy.wsgi"),
            BIND=f"{HOST}:{port}",
            WEB_CONCURRENCY="1",
            API_THREADS="4",
            **{"PUBLIC_BASE_URL": url, **environ},
        )
        return process.start(), url

    def stop_database(self) -> None:
        """Stop PostgreSQL as hard as it can be; this process's own connection is gone as well."""
        self.database.stop_hard()
        connections["default"].close()

    # ------------------------------------------------------------------ jobs

    def submit(self, tenant: Tenant, kind: str, count: int = 1, **params: Any) -> list[Job]:
        """Through the service layer."""
        by = Submitter(tenant, "test", "")
        return jobs_submit(by=by, orders=[Order(kind, params)] * count)

    def tenant(self) -> Tenant:
        """An academy that may ask for as much as a test wants."""
        tenant = make_tenant()
        for row in queues.table():
            QueueLimit.unscoped.create(
                tenant=tenant, queue=row.name, backlog=1_000_000, per_day=1_000_000
            )
        return tenant

    def end(self, *jobs: Job, seconds: float = 40.0) -> None:
        """Wait until all of them have ended, and refresh them."""
        ids = [job.pk for job in jobs]
        eventually(lambda: not self.open(ids), seconds, lambda: self.story(self.open(ids)))
        for job in jobs:
            job.refresh_from_db()

    def open(self, ids: Sequence[UUID]) -> list[UUID]:
        rows = (
            Job.unscoped.filter(pk__in=ids).exclude(state__in=_ENDED).order_by("created_at", "id")
        )
        return list(rows.values_list("pk", flat=True))

    def becomes(self, job: Job, *states: str, seconds: float = 20.0) -> Job:
        """Wait until the job is in one of the states."""

        def is_there() -> bool:
            job.refresh_from_db()
            return job.state in states

        eventually(is_there, seconds, lambda: self.story([job.pk]))
        return job

    def story(self, ids: Sequence[UUID]) -> str:
        """What became of some jobs, for the message of a failure."""
        lines = [f"{len(ids)} jobs have not got there; logs in {self.logs}"]
        for job in Job.unscoped.filter(pk__in=list(ids)[:5]):
            events = [f"{e.seq}:{e.type}@{e.at:%H:%M:%S.%f}" for e in job.events.all()]
            lines.append(f"{job} attempt {job.attempt} version {job.version}: {' '.join(events)}")
        return "\n".join(lines)

    def holder(self, job: Job) -> int:
        """The process id of the worker's process that holds the job."""
        self.becomes(job, "running")
        return int(job.lease_owner.rpartition("/")[2])

    # ------------------------------------------------------------------ queues

    @property
    def sqs(self) -> Any:
        """A client past the proxy."""
        return boto3.client(
            "sqs",
            endpoint_url=os.environ["SQS_ENDPOINT_URL"],
            region_name="ap-northeast-2",
            aws_access_key_id=self.account,
            aws_secret_access_key="test",
        )

    def queue_url(self, queue: str, *, dlq: bool = False) -> str:
        row = queues.by_name(queue, self.environ)
        name = row.dlq_name if dlq else row.sqs_name
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def messages(self, queue: str, *, dlq: bool = False) -> int:
        """How many messages a queue has, visible and held."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.queue_url(queue, dlq=dlq), AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)


def _remove(folder: Path) -> None:
    if os.environ.get("KEEP_WORLDS") != "1":
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _models_of(url: str) -> Iterator[None]:
    """Django's default connection of every thread leads to another database meanwhile."""
    known, registered = connections.settings["default"], dict(kinds._kinds)
    before = connections["default"]
    address = parse(url)
    options = {**known["OPTIONS"]}
    options.pop("pool", None)
    connections.settings["default"] = {
        **known,
        "HOST": address.host,
        "PORT": address.port,
        "NAME": address.name,
        "USER": address.user,
        "PASSWORD": address.password,
        "OPTIONS": options,
    }
    del connections["default"]
    registry.register()
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = known
        connections["default"] = before
        kinds._kinds.clear()
        kinds._kinds.update(registered)
