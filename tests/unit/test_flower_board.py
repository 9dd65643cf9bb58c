"""Flower's way to the database: shared, never waited for, and never an error on a page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tasks.depths import Depth, QueueDepth
from tasks.flower import board as boards
from tasks.flower.board import Board, Database, DeedError, NoDatabase, Switch
from tasks.flower.pages import oldest, state_of


@contextmanager
def database(read: Callable[[], Board] = Board, **deeds: Callable[..., str]) -> Iterator[Database]:
    made = Database(read, deeds)
    try:
        yield made
    finally:
        made.close()


def raises(error: Exception) -> Callable[..., Any]:
    def act(*_: Any, **__: Any) -> Any:
        raise error

    return act


def test_pages_share_one_read_for_a_while() -> None:
    reads: list[int] = []

    def read() -> Board:
        reads.append(1)
        return Board(oldest={"video": len(reads)})

    async def look(database: Database) -> list[Board]:
        first = await asyncio.gather(*(database.board() for _ in range(5)))
        return [*first, await database.board()]

    with database(read) as one:
        seen = asyncio.run(look(one))

    assert {found.oldest["video"] for found in seen} == {1}
    assert len(reads) == 1


def test_a_database_that_is_away_is_a_sentence_on_the_page() -> None:
    with database(raises(ConnectionError("refused"))) as one:
        found = asyncio.run(one.board())

    assert "does not answer" in found.problem
    assert not found.paused


def test_a_page_does_not_wait_for_a_database_that_hangs_nor_ask_it_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boards, "PAGE_SECONDS", 0.05)
    release, asked = threading.Event(), []

    def hang() -> Board:
        asked.append(1)
        release.wait(20)
        return Board()

    async def look(database: Database) -> list[Board]:
        return [await database.board() for _ in range(3)]

    with database(hang) as one:
        try:
            seen = asyncio.run(look(one))
        finally:
            release.set()

    assert all("does not answer" in found.problem for found in seen)
    assert len(asked) == 1


def test_what_was_done_shows_at_once() -> None:
    paused: dict[str, Any] = {}

    def pause(queue: str, by: str) -> str:
        paused[queue] = by
        return f"{queue} is paused"

    async def act(database: Database) -> tuple[str, Board]:
        await database.board()
        said = await database.do("pause", "video", by="flower:ops")
        return said, await database.board()

    with database(lambda: Board(paused=dict(paused)), pause=pause) as one:
        said, after = asyncio.run(act(one))

    assert said == "video is paused"
    assert after.paused == {"video": "flower:ops"}


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (DeedError(409, "It has ended."), 409, "It has ended."),
        (ConnectionError("refused"), 503, "ConnectionError"),
        (TypeError("a mistake"), 503, "Look again"),
    ],
)
def test_a_deed_that_fails_says_why(error: Exception, status: int, words: str) -> None:
    with (
        database(cancel=raises(error)) as one,
        pytest.raises(DeedError, match=words) as said,
    ):
        asyncio.run(one.do("cancel", "job"))

    assert said.value.status == status


def test_a_deed_that_hangs_is_not_said_to_be_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "DEED_SECONDS", 0.05)
    release = threading.Event()

    def hang() -> str:
        release.wait(20)
        return ""

    async def act(database: Database) -> DeedError:
        try:
            await database.do("pause")
        except DeedError as error:
            return error
        finally:
            release.set()
        raise AssertionError("it answered")

    with database(pause=hang) as one:
        said = asyncio.run(act(one))

    assert said.status == 503
    assert "may still be done" in str(said)


def test_without_a_database_no_switch_can_be_turned() -> None:
    with pytest.raises(DeedError, match="DATABASE_URL"):
        asyncio.run(NoDatabase().do("pause", "video", by="flower:ops"))


@pytest.mark.parametrize(
    ("snapshot", "switch", "shown"),
    [
        ("working", None, "working"),
        ("", None, ""),
        ("working", Switch("drained", "flower:ops"), "drained"),
        ("working", Switch("working", "flower:ops"), "draining"),
        ("working", Switch("paused", "user:1"), "draining"),
        ("working", Switch("paused"), "paused"),
        ("working", Switch("stopped"), "stopped"),
    ],
)
def test_a_workers_state_is_the_newest_that_is_known(
    snapshot: str, switch: Switch | None, shown: str
) -> None:
    board = Board(workers={"video@h": switch} if switch else {})

    assert state_of("video@h", {"platform": {"state": snapshot}}, board) == shown


def test_an_age_says_where_it_comes_from() -> None:
    board = Board(oldest={"video": 40, "messaging": 7})
    rows = {
        name: QueueDepth(name, Depth(name, 1, 0, 0, oldest_seconds=age), None)
        for name, age in (("video", 75), ("messaging", None), ("ai-lite", None))
    }

    assert oldest(rows["video"], board) == (75, "CloudWatch")
    assert oldest(rows["messaging"], board) == (7, "jobs table")
    assert oldest(rows["ai-lite"], board) == (None, "")
