"""Metrics of real API processes: counted in each, one in the database, and a lost database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.db import connection

from academy.telemetry import metrics, store
from tests.support.processes import eventually
from tests.support.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


class Server:
    """gunicorn with two processes, its database behind a proxy."""

    def __init__(self, database: TcpProxy, log: Path) -> None:
        settings = connection.settings_dict
        login = f"{settings['USER']}:{settings['PASSWORD'] or ''}"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.log = log
        with log.open("wb") as handle:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "python:academy.settings.gunicorn",
                 "academy.wsgi"],
                cwd=ROOT,
                env={
                    **os.environ,
                    "ACADEMY_PROCESS": "api",
                    "DJANGO_SETTINGS_MODULE": "academy.settings.test",
                    "DATABASE_URL": f"postgresql://{login}@127.0.0.1:{database.port}/{settings['NAME']}",
                    "WEB_CONCURRENCY": "2",
                    "BIND": f"127.0.0.1:{port}",
                },
                stderr=handle,
            )  # fmt: skip
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> int:
        """The status of one request on a connection of its own, so that any process may answer."""
        try:
            return httpx.get(f"{self.url}{path}", timeout=30).status_code
        except httpx.TransportError:
            return 0

    def stop(self) -> None:
        """End it in order, as a deployment does."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)


@pytest.fixture
def database() -> Iterator[TcpProxy]:
    settings = connection.settings_dict
    with TcpProxy(settings["HOST"] or "127.0.0.1", int(settings["PORT"])) as proxy:
        yield proxy


@pytest.fixture
def server(database: TcpProxy, tmp_path: Path) -> Iterator[Server]:
    running = Server(database, tmp_path / "api.log")
    try:
        eventually(lambda: running.get("/healthz") == 200, START_SECONDS, running.log.read_text)
        yield running
    finally:
        running.stop()


def answered(route: str) -> float:
    series = store.values().get(metrics.HTTP_REQUESTS, {})
    return sum(value for labels, value in series.items() if labels[0] == route)


def test_processes_that_end_have_stored_all_that_they_counted(server: Server) -> None:
    for _ in range(40):
        assert server.get("/api/v1/jobs") == 401
    server.stop()
    assert answered("/api/v1/jobs") == 40, server.log.read_text()


def test_a_page_without_a_database_is_503_in_time_and_heals_by_itself(
    server: Server, database: TcpProxy
) -> None:
    assert server.get("/metrics") == 200
    database.cut()
    # A page that was read just before lasts two seconds more.
    eventually(lambda: server.get("/metrics") == 503, 20, server.log.read_text)
    answer = httpx.get(f"{server.url}/metrics", timeout=12)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "service_unavailable"
    database.heal()
    eventually(lambda: server.get("/metrics") == 200, 40, server.log.read_text)
