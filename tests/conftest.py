"""Fixtures and rules of the whole suite.

Real services come from the environment that `make test` makes (`python -m deploy.local run`). A
test says what it needs: `@pytest.mark.integration` for all three services,
`@pytest.mark.integration("s3")` for some; a test with database access needs PostgreSQL by itself.
Where a needed service is absent the test is skipped with a reason, and fails where CI=true.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from django.core.management import call_command

from tests.support import emptying
from tests.support.browser import browser  # noqa: F401 - a fixture for every test

ROOT = Path(__file__).resolve().parents[1]
SERVICES = {
    "postgres": "DATABASE_URL",
    "s3": "R2_ENDPOINT_URL",
    "sqs": "SQS_ENDPOINT_URL",
}
_DATABASE_FIXTURES = frozenset(
    {"db", "transactional_db", "django_db_reset_sequences", "live_server"}
)
_PLATFORM_READY_SECONDS = 90


def pytest_configure() -> None:
    """Make tests that commit cheap to clean up after."""
    emptying.install()


@functools.cache
def missing_service(name: str) -> str | None:
    """Why a service cannot be used, or None when it answers."""
    variable = SERVICES[name]
    address = urlsplit(os.environ.get(variable, ""))
    if not address.hostname or not address.port:
        return f"{name}: {variable} is not set (make test sets it)"
    try:
        socket.create_connection((address.hostname, address.port), timeout=2).close()
    except OSError as error:
        return f"{name}: {address.hostname}:{address.port} does not answer ({error.strerror})"
    return None


def needed_services(item: pytest.Item) -> set[str]:
    """The services a test declares, and PostgreSQL when it uses the database."""
    needed: set[str] = set()
    for marker in item.iter_markers("integration"):
        needed |= set(marker.args) or set(SERVICES)
    fixtures = set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("django_db") or fixtures & _DATABASE_FIXTURES:
        needed.add("postgres")
    if unknown := needed - set(SERVICES):
        raise pytest.UsageError(f"{item.nodeid}: no service {unknown}; there are {set(SERVICES)}")
    return needed


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose service is not there."""
    reasons = [
        reason for name in sorted(needed_services(item)) if (reason := missing_service(name))
    ]
    if reasons:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("; ".join(reasons))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the running platform."""
    for item in items:
        if "platform" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.platform)


@pytest.fixture
def aws_account() -> str:
    """An access key id that is an account of its own on the SQS emulator: no queue in it yet."""
    return str(100_000_000_000 + secrets.randbelow(900_000_000_000))


@pytest.fixture
def sqs_client(aws_account: str) -> Any:
    """A boto3 SQS client in an account of its own."""
    return boto3.client(
        "sqs",
        endpoint_url=os.environ["SQS_ENDPOINT_URL"],
        region_name=os.environ.get("AWS_REGION", "ap-northeast-2"),
        aws_access_key_id=aws_account,
        aws_secret_access_key="test",
    )


@pytest.fixture(scope="session")
def buckets() -> None:
    """The four buckets exist, as `ensure_buckets` makes them."""
    call_command("ensure_buckets", verbosity=0)


@dataclass(frozen=True)
class RunningPlatform:
    """A whole platform of real processes: its variables, addresses and process ids."""

    environment: dict[str, str]
    urls: dict[str, str]
    processes: dict[str, int]


@pytest.fixture(scope="session")
def platform() -> Iterator[RunningPlatform]:
    """The whole platform on free ports; a child that dies is started again, as in production."""
    launcher = subprocess.Popen(
        [sys.executable, "-m", "deploy.local", "services", "--platform", "--restart", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    assert launcher.stderr is not None
    try:
        readable, _, _ = select.select([launcher.stdout], [], [], _PLATFORM_READY_SECONDS)
        line = launcher.stdout.readline() if readable else ""
        if not line:
            launcher.kill()
            pytest.fail(f"the platform did not start:\n{launcher.stderr.read()}")
        yield RunningPlatform(**json.loads(line))
    finally:
        launcher.send_signal(signal.SIGTERM)
        try:
            launcher.wait(timeout=90)
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()
        launcher.stdout.close()
        launcher.stderr.close()
