"""The API as a process: the database goes and comes back, or is exhausted, and it says so."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection

from tests.support.rest import new_tenant
from tests.support.tcp_proxy import TcpProxy

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("buckets"),
]

ROOT = Path(__file__).resolve().parents[2]
POOL = 3
START_SECONDS = 40


def eventually(holds: Callable[[], bool], seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if holds():
            return True
        time.sleep(0.1)
    return holds()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def database() -> Iterator[TcpProxy]:
    settings = connection.settings_dict
    with TcpProxy(settings["HOST"] or "127.0.0.1", int(settings["PORT"])) as proxy:
        yield proxy


@pytest.fixture
def api(database: TcpProxy, tmp_path: Path) -> Iterator[httpx.Client]:
    """gunicorn with one process, a small pool, and the database behind a proxy."""
    settings = connection.settings_dict
    password = settings["PASSWORD"] or ""
    address = f"{settings['USER']}:{password}@127.0.0.1:{database.port}/{settings['NAME']}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (tmp_path / "api.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "python:academy.settings.gunicorn",
         "academy.wsgi"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "academy.settings.test",
            "DATABASE_URL": f"postgresql://{address}",
            "DATABASE_POOL_SIZE": str(POOL),
            "WEB_CONCURRENCY": "1",
            "API_THREADS": "8",
            "BIND": f"127.0.0.1:{port}",
            "LOG_FORMAT": "json",
        },
        stderr=log,
    )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            assert eventually(lambda: answers(client), START_SECONDS), (
                tmp_path / "api.log"
            ).read_text()
            yield client
    finally:
        process.terminate()
        process.wait(timeout=40)
        log.close()


def test_a_lost_database_is_503_with_retry_after_and_heals_by_itself(
    api: httpx.Client, database: TcpProxy, tmp_path: Path
) -> None:
    token = new_tenant().key.token
    headers = {"Authorization": f"Bearer {token}"}
    assert api.get("/api/v1/tenant", headers=headers).status_code == 200
    assert eventually(lambda: api.get("/readyz").status_code == 200, 10)

    database.cut()
    answer = api.get("/api/v1/tenant", headers=headers)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "service_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert api.get("/readyz").status_code == 503
    assert api.get("/healthz").status_code == 200

    database.heal()
    assert eventually(lambda: api.get("/readyz").status_code == 200, 20)
    assert api.get("/api/v1/tenant", headers=headers).status_code == 200
    log = (tmp_path / "api.log").read_text()
    assert token not in log
    assert token.split("_", 2)[2] not in log


def test_an_exhausted_pool_is_503_and_never_a_healthy_200(api: httpx.Client) -> None:
    token = new_tenant().key.token
    headers = {"Authorization": f"Bearer {token}"}
    assert eventually(lambda: api.get("/readyz").status_code == 200, 10)
    settings = connection.settings_dict
    options: dict[str, Any] = {
        "host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"],
        "password": settings["PASSWORD"], "dbname": settings["NAME"],
    }  # fmt: skip
    with psycopg.connect(**options) as blocker:
        # Every request that looks up a key now holds its connection and waits.
        blocker.execute("LOCK TABLE tenants_apikey IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(POOL + 1) as pool:
            waiting = [
                pool.submit(api.get, "/api/v1/tenant", headers=headers) for _ in range(POOL + 1)
            ]
            time.sleep(0.5)
            ready = api.get("/readyz")
            assert ready.status_code == 503
            assert ready.json()["checks"]["database"]["ok"] is False
            statuses = [future.result().status_code for future in waiting]
        blocker.rollback()
    assert set(statuses) == {503}
    assert eventually(lambda: api.get("/readyz").status_code == 200, 20)
    assert api.get("/api/v1/tenant", headers=headers).status_code == 200
