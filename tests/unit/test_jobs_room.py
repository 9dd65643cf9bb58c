"""Room on the scratch disk: what does not fit goes elsewhere, and the worker waits for room."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from academy.core import clock
from academy.jobs import room
from academy.jobs.errors import UnsuitableHostError

MB = 1 << 20


@pytest.fixture(autouse=True)
def _nothing_asked() -> Iterator[None]:
    yield
    room.forget()


@pytest.fixture
def disk(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A scratch disk of which a test says how much is free."""
    settings.SCRATCH_DIR = tmp_path / "not" / "there" / "yet"
    settings.SCRATCH_MIN_FREE_BYTES = 100 * MB
    state = {"free": 1_000 * MB}
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=state["free"]))
    return state


def test_work_that_does_not_fit_is_refused_and_the_worker_waits_for_that_much(
    disk: dict[str, int],
) -> None:
    room.require(900 * MB)
    assert room.lacking_bytes() == 0
    with pytest.raises(UnsuitableHostError) as refused:
        room.require(901 * MB)
    assert refused.value.code == "disk_full"
    assert refused.value.params == {"needed_bytes": 1_001 * MB, "free_bytes": 1_000 * MB}
    assert room.lacking_bytes() == MB
    disk["free"] += MB
    assert room.lacking_bytes() == 0


def test_a_need_that_is_never_met_does_not_keep_a_worker_from_smaller_work(
    disk: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnsuitableHostError):
        room.require(10**15)
    assert room.lacking_bytes() > 10**14
    later = clock.monotonic() + room.ASKED_SECONDS
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert room.lacking_bytes() == 0


def test_a_disk_below_what_is_kept_free_is_short_whatever_was_asked(disk: dict[str, int]) -> None:
    disk["free"] = 30 * MB
    assert room.lacking_bytes() == 70 * MB


def _ask(size: int) -> None:
    with pytest.raises(UnsuitableHostError):
        room.require(size)


def test_what_a_child_asks_for_its_parent_knows(disk: dict[str, int]) -> None:
    child = multiprocessing.get_context("fork").Process(target=_ask, args=(901 * MB,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert room.lacking_bytes() == MB
