"""Real API processes: killed and started again, their streams lose nothing."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from academy.jobs.models import Job
from academy.tenants.keys import key_create
from academy.tenants.models import Tenant
from academy.tenants.scopes import DEFAULT_KEY_SCOPES
from tests.support.jobs import run

ROOT = Path(__file__).resolve().parents[3]
READY_SECONDS = 60
ANSWER_SECONDS = 20

pytestmark = pytest.mark.django_db(transaction=True)


class Api:
    """gunicorn on a port of its own, over the test's database, with a connection pool."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._log = folder / "api.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        database = connection.settings_dict
        host = f"{database['HOST']}:{database['PORT']}"
        login = f"{database['USER']}:{quote(database['PASSWORD'], safe='')}"
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "academy.settings.test",
            "ACADEMY_TEST_KINDS": "1",
            "DATABASE_URL": f"postgresql://{login}@{host}/{database['NAME']}",
            "DATABASE_POOL_SIZE": "2",
        }
        command = [
            *(sys.executable, "-m", "gunicorn", "-c", "python:academy.settings.gunicorn"),
            *("--bind", f"127.0.0.1:{self.port}", "--workers", "1", "--threads", "10"),
            "academy.wsgi:application",
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stderr=log, stdout=log, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.call("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"the API did not start:\n{self._log.read_text()}")

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=10)
            self._process = None

    def drain(self) -> float:
        """Ask it to end, as a deployment does; returns the seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        self._process.wait(timeout=ANSWER_SECONDS)
        self._process = None
        return time.monotonic() - began

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            data = None if body is None else json.dumps(body)
            caller.request(method, path, data, {"Content-Type": "application/json", **headers})
            answer = caller.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            caller.close()

    def events(self, path: str, **headers: str) -> Iterator[tuple[str, str | None, Any]]:
        """(event, id, data) until the stream closes; whatever ends a killed one is an end too."""
        caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            caller.request("GET", path, headers={"Accept": "text/event-stream", **headers})
            answer = caller.getresponse()
            assert answer.status == 200, answer.read()
            fields: dict[str, str] = {}
            while line := answer.readline().decode():
                if line != "\n":
                    name, _, value = line.rstrip("\n").partition(": ")
                    fields[name] = value
                    continue
                if "event" in fields:
                    yield fields["event"], fields.get("id"), json.loads(fields["data"])
                fields = {}
        except (OSError, http.client.HTTPException):
            return
        finally:
            caller.close()


@pytest.fixture
def api(tmp_path: Path, tenant: Tenant) -> Iterator[Api]:
    started = Api(tmp_path)
    started.start()
    try:
        yield started
    finally:
        started.kill()


@pytest.fixture
def key(tenant: Tenant) -> dict[str, str]:
    issued = key_create(tenant=tenant, name="restart", scopes=DEFAULT_KEY_SCOPES)
    return {"Authorization": f"Bearer {issued.token}"}


def test_a_stream_goes_on_where_it_was_after_the_api_was_killed(
    api: Api, key: dict[str, str]
) -> None:
    status, job = api.call("POST", "/api/v1/jobs", {"kind": "test.ok"}, **key)
    assert status == 202
    path = job["links"]["events"]
    stream = api.events(path, **key)
    event, last_seen, _ = next(stream)
    assert (event, last_seen) == ("state", "1")

    api.kill()
    assert all(event != "end" for event, _, _ in stream)
    run(Job.unscoped.get(pk=job["id"]))
    api.start()

    resumed = list(api.events(path, **key, **{"Last-Event-ID": "1"}))
    assert [(event, name) for event, name, _ in resumed] == [
        ("state", "2"),
        ("state", "3"),
        ("progress", None),
        ("end", None),
    ]
    assert resumed[-1][2]["state"] == "succeeded"


def test_more_streams_than_connections_of_the_pool_leave_the_api_answering(
    api: Api, key: dict[str, str]
) -> None:
    """Five streams, which is half of the threads, and two connections: none is held to wait."""
    _, job = api.call("POST", "/api/v1/jobs", {"kind": "test.ok"}, **key)
    streams = [api.events(job["links"]["events"], **key) for _ in range(5)]
    for stream in streams:
        assert next(stream)[0] == "state"
    started = time.monotonic()
    for _ in range(5):
        assert api.call("GET", job["links"]["self"], **key)[0] == 200
    assert time.monotonic() - started < 5
    assert api.call("GET", job["links"]["events"], **key, Accept="text/event-stream")[0] == 503
    run(Job.unscoped.get(pk=job["id"]))
    for stream in streams:
        assert list(stream)[-1][0] == "end"


def test_a_restart_does_not_wait_for_open_streams(api: Api, key: dict[str, str]) -> None:
    _, job = api.call("POST", "/api/v1/jobs", {"kind": "test.ok"}, **key)
    stream = api.events(job["links"]["events"], **key)
    assert next(stream)[0] == "state"
    assert api.drain() < 8.0  # gunicorn's own patience is 30 s
    assert all(event != "end" for event, _, _ in stream)
