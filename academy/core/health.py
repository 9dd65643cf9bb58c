"""Is this process alive, and can it do its work: a registry of checks that others add to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from academy.core import clock
from academy.core.storage import Bucket, store

logger = logging.getLogger(__name__)

Check = Callable[[], None]

#: A check that takes longer counts as failed; a load balancer asks every few seconds.
CHECK_SECONDS = 3.0
DATABASE_STATEMENT_MS = 1_500


class NotReady(Exception):
    """A part that this process needs does not work; the text is for the log."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check, in milliseconds."""

    name: str
    ok: bool
    milliseconds: float


_checks: dict[str, Check] = {}
_running: dict[str, Future[None]] = {}
_lock = threading.Lock()
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")


def register_check(name: str, check: Check) -> None:
    """Add a readiness check: a function that raises when its part does not work."""
    _checks[name] = check


def run_checks() -> list[CheckResult]:
    """Run all checks side by side, each within ``CHECK_SECONDS``."""
    started = clock.monotonic()
    futures = {name: _start(name, check) for name, check in _checks.items()}
    results = []
    for name, future in futures.items():
        left = max(0.0, CHECK_SECONDS - (clock.monotonic() - started))
        results.append(_result(name, future, left, started))
    return results


def _start(name: str, check: Check) -> Future[None]:
    """Join a check that still runs: a hanging part must not fill the pool with itself."""
    with _lock:
        running = _running.get(name)
        if running is None or running.done():
            running = _running[name] = _pool.submit(_with_own_connections, check)
        return running


def _with_own_connections(check: Check) -> None:
    try:
        check()
    finally:
        connections.close_all()


def _result(name: str, future: Future[None], left: float, started: float) -> CheckResult:
    try:
        future.result(timeout=left)
        ok = True
    except TimeoutError:
        logger.warning("readiness check %s gave no answer in %.0f s", name, CHECK_SECONDS)
        ok = False
    except Exception as error:  # noqa: BLE001 - whatever a part raises means: not ready
        logger.warning("readiness check %s failed: %s", name, error)
        ok = False
    return CheckResult(name, ok, round((clock.monotonic() - started) * 1000, 1))


def check_database() -> None:
    """A connection can be had, answers, and may write."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {DATABASE_STATEMENT_MS}")
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone()[0]:
            raise NotReady("the database is a read-only replica")


class _MigrationsCheck:
    """Every migration of this release is applied. Asked until it holds, then remembered."""

    def __init__(self) -> None:
        self.applied = False

    def __call__(self) -> None:
        if self.applied:
            return
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise NotReady("migrations of this release are not applied: manage.py migrate")
        self.applied = True


def check_buckets() -> None:
    """Each bucket exists and these keys reach it."""
    for bucket in Bucket:
        target = store(bucket)
        try:
            target.client.head_bucket(Bucket=target.bucket)
        except (BotoCoreError, ClientError) as error:
            raise NotReady(f"bucket {target.bucket}: {error}") from error


register_check("database", check_database)
register_check("migrations", _MigrationsCheck())
register_check("buckets", check_buckets)
