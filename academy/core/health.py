"""Is this process alive, and can it do its work: a registry of checks that others add to.

A *check* decides whether this process may be sent requests. A *notice* tells of a part elsewhere
(the relay): a load balancer that took every API down because work is published late would turn a
delay into an outage, so a notice is reported and never fails readiness.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from academy.core import clock
from academy.core.storage import Bucket, store

logger = logging.getLogger(__name__)

T = TypeVar("T")
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


@dataclass(frozen=True, slots=True)
class Notice:
    """What is known of a part that this process does not itself need; ``facts`` are numbers."""

    ok: bool
    facts: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that was found out; the process is ready when every check is ok."""

    checks: list[CheckResult]
    notices: dict[str, Notice]

    @property
    def ready(self) -> bool:
        """Whether this process may be sent requests."""
        return all(check.ok for check in self.checks)


_checks: dict[str, Check] = {}
_notices: dict[str, Callable[[], Notice]] = {}
_running: dict[str, Future[Any]] = {}
_lock = threading.Lock()
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")


def register_check(name: str, check: Check) -> None:
    """Add a readiness check: a function that raises when its part does not work."""
    _checks[name] = check


def register_notice(name: str, look: Callable[[], Notice]) -> None:
    """Add a notice: a function that looks at a part, and raises when it cannot."""
    _notices[name] = look


def examine() -> Health:
    """Ask everything side by side, each within ``CHECK_SECONDS``."""
    started = clock.monotonic()
    asked = {name: _start(name, check) for name, check in _checks.items()}
    looked = {name: _start(f"notice {name}", look) for name, look in _notices.items()}
    return Health(
        [_result(name, future, started) for name, future in asked.items()],
        {name: _notice(name, future, started) for name, future in looked.items()},
    )


def _start(name: str, act: Callable[[], T]) -> Future[T]:
    """Join a check that still runs: a hanging part must not fill the pool with itself."""
    with _lock:
        running = _running.get(name)
        if running is None or running.done():
            running = _running[name] = _pool.submit(_with_own_connections, act)
        return running


def _with_own_connections(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        connections.close_all()


def _result(name: str, future: Future[None], started: float) -> CheckResult:
    ok = _outcome(name, future, started)[0]
    return CheckResult(name, ok, round((clock.monotonic() - started) * 1000, 1))


def _notice(name: str, future: Future[Notice], started: float) -> Notice:
    ok, found = _outcome(name, future, started)
    return found if ok else Notice(ok=False)


def _outcome(name: str, future: Future[Any], started: float) -> tuple[bool, Any]:
    left = max(0.0, CHECK_SECONDS - (clock.monotonic() - started))
    try:
        return True, future.result(timeout=left)
    except TimeoutError:
        logger.warning("health: %s gave no answer in %.0f s", name, CHECK_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever a part raises means: not ready
        logger.warning("health: %s failed: %s", name, error)
    return False, None


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


#: What a relay says on its listening connection after each round of all queues. PostgreSQL keeps
#: the name and the time of it, so that a relay with nothing to publish is known to live: without a
#: table, without a write, and gone in the moment the relay is. A relay that hangs grows silent; one
#: that fails in every round never gets to say it.
RELAY_NAME: Final = "academy-relay-round"
RELAY_ROUND: Final = f"SET application_name = '{RELAY_NAME}'"

_SILENCE = """
SELECT count(*), extract(epoch FROM clock_timestamp() - max(state_change))
FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s
"""


@dataclass(frozen=True, slots=True)
class RelaySign:
    """How many relays are connected, and seconds since one of them last completed a round.

    ``silent_seconds`` is None where there is no relay, and where the database hides the sessions of
    other roles from this one (``GRANT pg_read_all_stats`` shows them).
    """

    relays: int
    silent_seconds: float | None


def relay_sign() -> RelaySign:
    """The relays' sign of life, which does not depend on traffic."""
    with connection.cursor() as cursor:
        cursor.execute(_SILENCE, [RELAY_NAME])
        count, seconds = cursor.fetchone()
    return RelaySign(count, None if seconds is None else max(0.0, float(seconds)))


register_check("database", check_database)
register_check("migrations", _MigrationsCheck())
register_check("buckets", check_buckets)
