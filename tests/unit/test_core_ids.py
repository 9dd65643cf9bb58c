"""Identifiers sort by the time they were made, whatever threads, clocks and forks do."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from academy.core import clock
from academy.core.ids import new_id

MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def milliseconds_of(value: UUID) -> int:
    return value.int >> 80


def test_an_id_is_a_version_7_uuid_of_its_moment() -> None:
    later = clock.now() + timedelta(days=3650)
    with clock.frozen(later):
        value = new_id()
    assert value.version == 7
    assert value.variant == "specified in RFC 4122"
    assert milliseconds_of(value) == int(later.timestamp() * 1000)


def test_many_ids_of_one_millisecond_are_unique_and_ascend() -> None:
    with clock.frozen(MOMENT):
        made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_ascend_while_the_clock_goes_back() -> None:
    before = new_id()
    with clock.shifted(timedelta(minutes=-15)):
        assert new_id() > before


def test_ids_tell_the_time_again_after_a_clock_that_was_days_ahead() -> None:
    with clock.shifted(timedelta(days=14)):
        new_id()
    assert abs(milliseconds_of(new_id()) - clock.unix_milliseconds()) < 60_000


def test_threads_never_make_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_id(), range(8_000)))
    assert len(set(made)) == len(made)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_ids_of_its_own() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_id().bytes)
        os._exit(0)
    os.waitpid(child, 0)
    assert UUID(bytes=os.read(reading, 16)) != new_id()
    os.close(reading)
    os.close(writing)


def test_the_clock_is_aware_and_can_be_held() -> None:
    assert clock.now().tzinfo is UTC
    with clock.frozen(MOMENT):
        assert clock.now() == MOMENT
    with pytest.raises(ValueError, match="aware"), clock.frozen(datetime(2026, 1, 1)):  # noqa: DTZ001
        pass
