"""Kills a worker's process in the middle of a job that a test has chosen, once and for real.

A test arms a kill: the first attempt at a job of this kind and tenant ends its process with
SIGKILL at a moment. Workers of a test world look for kills where ``TEST_KILLS`` names a folder; see
the test kinds. Whoever takes a kill renames its file, so that it happens once however many
processes there are, and a test reads from the name which job it was.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from academy.core import crash
from academy.core.storage import ObjectStore
from academy.jobs import execute
from academy.jobs.lease import Claim

VARIABLE = "TEST_KILLS"
EFFECT = "effect"
"""Right after the first thing that outlives the process: an object that was stored or deleted, a
row that was written. Every other moment is the name of a crash point of the code."""
HANDLED = "handler.after"
"""All is done, nothing is settled, the scratch folder is there."""
SETTLING = "settle.before"
"""All is done and cleared away, the row still says that the job is running."""

_WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")
_STORING = ("put_bytes", "put_file", "multipart_complete", "delete", "delete_prefix")


def arm(folder: Path, tenant_id: UUID, kind: str, moment: str) -> None:
    """Have the process die that first works on a job of this tenant and kind."""
    (folder / f"{tenant_id}.{kind}").write_text(moment, encoding="utf-8")


def killed(folder: Path, tenant_id: UUID, kind: str) -> UUID | None:
    """The job that met the kill; None where nobody has taken it."""
    taken = list(folder.glob(f"{tenant_id}.{kind}@*"))
    return UUID(taken[0].name.rpartition("@")[2]) if taken else None


def kill_where_asked() -> None:
    """For the start of a worker's process; it ends with it."""
    if named := os.environ.get(VARIABLE):
        _install(Path(named), pytest.MonkeyPatch())


def _install(folder: Path, patch: pytest.MonkeyPatch) -> None:
    honest = execute._run
    watch = _Watch()
    for name in _STORING:
        patch.setattr(ObjectStore, name, watch.after(getattr(ObjectStore, name)))

    def run(claim: Claim, *rest: Any) -> None:
        moment = _taken(folder, claim)
        if moment is None:
            honest(claim, *rest)
        elif moment == EFFECT:
            with watch.watching():
                honest(claim, *rest)
        else:
            with _crash_at(moment):
                honest(claim, *rest)

    patch.setattr(execute, "_run", run)


def _taken(folder: Path, claim: Claim) -> str | None:
    armed = folder / f"{claim.tenant_id}.{claim.kind}"
    mine = folder / f"{armed.name}@{claim.job_id}"
    with contextlib.suppress(FileNotFoundError):
        armed.rename(mine)
        return mine.read_text(encoding="utf-8")
    return None


@contextlib.contextmanager
def _crash_at(point: str) -> Iterator[None]:
    """Arm the crash point, as the environment of a process does, for one job."""
    before = crash._armed, crash._name, crash._passes, crash._fatal_pass
    crash._armed, crash._name, crash._passes, crash._fatal_pass = (
        point,
        point,
        itertools.count(1),
        1,
    )
    try:
        yield
    finally:
        crash._armed, crash._name, crash._passes, crash._fatal_pass = before


class _Watch:
    """Whether a job of this process is to die of its first effect, in whichever of its threads."""

    def __init__(self) -> None:
        self._on = threading.Event()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        self._on.set()
        try:
            with connection.execute_wrapper(self._statement):
                yield
        finally:
            self._on.clear()

    def after(self, honest: Callable[..., Any]) -> Callable[..., Any]:
        """The function, after which a watched process dies."""

        def call(*args: Any, **kwargs: Any) -> Any:
            value = honest(*args, **kwargs)
            self._die()
            return value

        return call

    def _statement(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        value = execute(sql, params, many, context)
        if str(sql).lstrip().upper().startswith(_WRITES):
            if connection.in_atomic_block:
                # What is not committed dies with the process, and is no effect.
                transaction.on_commit(self._die)
            else:
                self._die()
        return value

    def _die(self) -> None:
        if self._on.is_set():
            os.kill(os.getpid(), signal.SIGKILL)
