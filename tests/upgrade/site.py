"""One platform on which processes of both releases run, and its clients over REST."""

from __future__ import annotations

import json
import secrets
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import httpx
import psycopg

from tests.support.processes import Process, eventually
from tests.support.world import World
from tests.upgrade.release import Code

ENVIRON = {
    "LOG_FORMAT": "json",
    "EVENTS_FLUSH_SECONDS": "0",
    "JOB_MAX_LOSSES": "5",
    # Nothing here waits for a model.
    "MODEL_WARM_START": "0",
}
_PREPARE = ("migrate", "ensure_queues", "ensure_buckets")
_MANAGE = """
import sys
import django
from django.core.management import call_command
django.setup()
call_command(*sys.argv[1:])
"""


class Site(World):
    """A world whose processes run the code that ``code`` names when they are made."""

    def __init__(self, code: Code) -> None:
        super().__init__(**ENVIRON)
        self.code = code
        self._argv: dict[str, dict[str, list[str]]] = {}

    def process(self, name: str, *argv: str, **environ: str) -> Process:
        """A process of the present release, which its name carries."""
        name = f"{self.code.label}-{name}"
        same = sum(process.name.startswith(name) for process in self.processes)
        made = Process(
            f"{name}-{same}" if same else name,
            [self.code.python, *argv],
            folder=self.logs,
            environ={**self.environ, **environ},
            cwd=self.code.root,
        )
        self.processes.append(made)
        return made

    def worker(self, queue: str, **environ: str) -> Process:
        """A worker whose name, and so its attempts, say of which release it is."""
        known = self._argv.setdefault(self.code.label, {}) or self.code.worker_argv()
        self._argv[self.code.label] = known
        argv = list(known[queue])
        argv[argv.index("-n") + 1] = f"{queue}-{self.code.label}@%h"
        health = str(self.folder / f"health-{secrets.token_hex(4)}.json")
        name = f"worker-{queue}"
        return self.process(name, "-m", *argv, WORKER_HEALTH_FILE=health, **environ).start()

    def manage(self, *arguments: str) -> Process:
        """A management command, done; its log is its output."""
        made = self.process(f"manage-{arguments[0]}", "-c", _MANAGE, *arguments).start()
        made.wait(180)
        return made

    def migrate(self) -> None:
        """Schema, queues and buckets as the present release wants them."""
        for command in _PREPARE:
            done = self.manage(command)
            assert done.returncode == 0, f"{done.name}:\n{done.log[-3_000:]}"

    def client(self) -> Client:
        """A new academy's key, made by the present release's own command."""
        slug = f"academy-{secrets.token_hex(4)}"
        made = self.manage(
            *("tenant_create", "--slug", slug, "--name", "시험학원", "--plan", "grow"),
            *("--owner-username", f"owner.{slug}", "--json"),
        )
        assert made.returncode == 0, made.log
        return Client(json.loads(made.log.splitlines()[-1])["api_key"])

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database says, whichever release's schema it has."""
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(sql, values).fetchall()

    def states(self, ids: list[UUID]) -> Counter[str]:
        return Counter(
            state for (state,) in self.rows("SELECT state FROM job WHERE id = ANY(%s)", ids)
        )

    def ended(self, ids: list[UUID], seconds: float, *, how: str = "succeeded") -> None:
        """Wait until all of them have ended in this way."""
        eventually(
            lambda: self.states(ids)[how] == len(ids),
            seconds,
            lambda: f"{len(ids)} jobs {how}: {dict(self.states(ids))}; logs in {self.logs}",
            pause=0.2,
        )

    def workers_of(self, ids: list[UUID]) -> Counter[str]:
        """Which releases' workers ended these jobs: ``v1`` and ``v2``."""
        rows = self.rows(
            "SELECT a.worker FROM job_attempt a JOIN job j ON j.id = a.job_id"
            " AND j.attempt = a.number WHERE j.id = ANY(%s)",
            ids,
        )
        return Counter(worker.partition("@")[0].rpartition("-")[2] for (worker,) in rows)


@dataclass
class Client:
    """An academy's program: submits with a key, and remembers every answer."""

    key: str
    accepted: dict[UUID, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)

    def submit(self, api: Api, kind: str, count: int = 1, **params: Any) -> list[UUID]:
        """That many jobs, each its own request; AssertionError where one is refused."""
        ids = []
        for _ in range(count):
            answer = api.post("/api/v1/jobs", {"kind": kind, "params": params}, self.key)
            self.answers[answer.status_code] += 1
            assert answer.status_code == 202, answer.text
            ids.append(UUID(answer.json()["id"]))
            self.accepted[ids[-1]] = kind
        return ids

    def read(self, api: Api, job_id: UUID) -> dict[str, Any]:
        """A job as an API shows it."""
        answer = api.get(f"/api/v1/jobs/{job_id}", self.key)
        self.answers[answer.status_code] += 1
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


class Api:
    """One API process and its address."""

    def __init__(self, site: Site) -> None:
        self.process, self.url = site.api(ACADEMY_PROCESS="api")
        self._http = httpx.Client(base_url=self.url, timeout=30.0)

    def ready(self) -> Self:
        eventually(self._answers, 90, lambda: f"the API answers:\n{self.process.log[-3_000:]}")
        return self

    def _answers(self) -> bool:
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": secrets.token_hex(8)}
        return self._http.post(path, json=body, headers=headers)

    def get(self, path: str, key: str) -> httpx.Response:
        return self._http.get(path, headers={"Authorization": f"Bearer {key}"})

    def stop(self) -> None:
        self._http.close()
        self.process.stop(30.0)


class Traffic(threading.Thread):
    """Submits small jobs to one API for as long as the block runs, and notes what went wrong."""

    def __init__(self, client: Client, api: Api, every: float = 0.25) -> None:
        super().__init__(name="traffic", daemon=True)
        self._client, self._api, self._every = client, api, every
        self._over = threading.Event()
        self.ids: list[UUID] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self._over.wait(self._every):
            try:
                ids = self._client.submit(self._api, "test.ok", note="during the upgrade")
                self.ids += ids
                self._client.read(self._api, ids[0])
            except (AssertionError, httpx.HTTPError) as error:
                self.wrong.append(f"{type(error).__name__}: {error}"[:300])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(60)
