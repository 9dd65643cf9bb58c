"""How a worker's parent follows its orders and reports, without a database or a broker."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from academy.core.ids import new_id
from academy.fleet.report import Identity, Orders
from academy.fleet.states import WorkerState
from tasks.worker import database, drain, fleet

WHO = Identity(new_id(), "video@host", "video", "host", "cpu", "prefork", 1)
RUN, PAUSE, DRAIN = Orders(), Orders(paused=True), Orders(drain=True)


class Channel:
    """A channel that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.messages: list[str] = []

    def pause(self, unseen_seconds: float) -> None:
        self.told.append(f"pause {unseen_seconds:g}")

    def go_on(self) -> None:
        self.told.append("go on")

    def held(self) -> list[str]:
        return self.messages


@dataclass
class Office:
    """A database that gives orders, can be away, and notes what was asked of it when."""

    orders: Orders = RUN
    known: bool = True
    away: bool = False
    now: float = 1_000.0
    asked: int = 0
    said: list[tuple[float, WorkerState, int]] = field(default_factory=list)

    def ask(self, who: Identity) -> Orders | None:
        self._answer()
        self.asked += 1
        return self.orders if self.known else None

    def say(self, who: Identity, *, state: WorkerState, held: int, **_: Any) -> Orders:
        self._answer()
        self.said.append((self.now, state, held))
        self.known = True
        return self.orders

    def _answer(self) -> None:
        if self.away:
            raise ConnectionError("no database")


@pytest.fixture(autouse=True)
def _flags() -> Iterator[None]:
    yield
    fleet._holding[0] = 0
    drain._flag[0] = 0


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def agent(office: Office, channel: Channel) -> fleet.Agent:
    made = fleet.Agent(
        WHO, ask=office.ask, say=office.say, now=lambda: office.now, unseen_seconds=24
    )
    made.follow(channel)
    channel.told.clear()
    return made


def tick(agent: fleet.Agent, office: Office, orders: Orders | None = None) -> bool:
    if orders is not None:
        office.orders = orders
    office.now += fleet.TICK_SECONDS
    return agent.tick()


def test_a_pause_and_its_end_reach_the_channel_and_the_children_once(agent, office, channel):
    tick(agent, office, PAUSE)
    assert fleet.holding()
    tick(agent, office)
    assert channel.told == ["pause 24"]
    tick(agent, office, RUN)
    assert not fleet.holding()
    assert channel.told == ["pause 24", "go on"]


def test_what_a_drained_worker_gives_back_is_seen_by_the_others_at_once(agent, office, channel):
    tick(agent, office, DRAIN)
    assert fleet.holding()
    assert channel.told == ["pause 0"]


def test_the_end_of_a_pause_does_not_undrain(agent, office, channel):
    tick(agent, office, Orders(paused=True, drain=True))
    tick(agent, office, DRAIN)
    assert fleet.holding()
    assert "go on" not in channel.told


def test_a_worker_without_room_takes_nothing_until_there_is_some(office, channel, caplog):
    lacking = [0]
    agent = fleet.Agent(
        WHO, ask=office.ask, say=office.say, lacking=lambda: lacking[0], now=lambda: office.now
    )
    agent.follow(channel)
    channel.told.clear()
    lacking[0] = (7 << 20) - 1
    # Whether the database is there or not.
    office.away = True
    tick(agent, office)
    assert fleet.holding()
    assert channel.told == ["pause 0"]
    assert "lacks 7 MB" in caplog.text
    office.away = False
    tick(agent, office, PAUSE)
    lacking[0] = 0
    tick(agent, office)
    assert fleet.holding(), "its queue is paused, too"
    tick(agent, office, RUN)
    assert not fleet.holding()
    assert channel.told[-1] == "go on"


def test_a_new_channel_of_the_consumer_is_paused_before_it_polls(agent, office):
    tick(agent, office, PAUSE)
    other = Channel()
    agent.follow(other)
    assert other.told == ["pause 24"]


def test_it_reports_every_ten_seconds_and_at_once_when_its_state_changes(agent, office):
    for _ in range(11):
        tick(agent, office)
    times = [at for at, _, _ in office.said]
    assert [round(b - a) for a, b in itertools.pairwise(times)] == [10, 10]
    assert len(office.said) + office.asked == 11

    office.said.clear()
    tick(agent, office, PAUSE)
    tick(agent, office)
    assert [state for _, state, _ in office.said] == [WorkerState.PAUSED]


def test_it_is_draining_while_it_holds_messages_and_drained_after(agent, office, channel):
    channel.messages = ["running"]
    for _ in range(2):
        tick(agent, office, DRAIN)
    channel.messages = []
    tick(agent, office)
    assert [(state, held) for _, state, held in office.said] == [
        (WorkerState.WORKING, 1), (WorkerState.DRAINING, 1), (WorkerState.DRAINED, 0),
    ]  # fmt: skip


def test_a_worker_told_to_stop_says_so_until_it_has_stopped(agent, office, channel):
    channel.messages = ["running"]
    drain.request()
    tick(agent, office)
    agent.say_goodbye()
    assert [(state, held) for _, state, held in office.said] == [
        (WorkerState.DRAINING, 1), (WorkerState.STOPPED, 0),
    ]  # fmt: skip


def test_without_a_database_the_last_orders_stay_and_one_line_is_logged(
    agent, office, channel, caplog
):
    caplog.set_level("INFO")
    tick(agent, office, PAUSE)
    office.away = True
    assert [tick(agent, office, RUN) for _ in range(30)] == [False] * 30
    agent.say_goodbye()
    assert fleet.holding()
    assert channel.told == ["pause 24"]
    assert sum("cannot be read" in line for line in caplog.messages) == 1

    office.away = False
    assert tick(agent, office)
    assert not fleet.holding()
    assert channel.told == ["pause 24", "go on"]
    assert sum("again after 30 failures" in line for line in caplog.messages) == 1


def test_a_worker_whose_row_was_forgotten_reports_again(agent, office):
    tick(agent, office)
    office.known = False
    tick(agent, office)
    tick(agent, office)
    assert len(office.said) == 2


def test_a_fact_that_cannot_be_read_is_left_out(monkeypatch):
    monkeypatch.setattr(fleet, "_facts", {})
    fleet.add_fact("good", lambda: 3)
    fleet.add_fact("bad", lambda: 1 // 0)
    assert fleet.facts() == {"good": 3}


def test_a_forked_child_closes_its_copy_of_the_connection_and_nothing_else():
    class Raw:
        closed = False

        def __init__(self, end: socket.socket) -> None:
            self.fileno = end.fileno

    class Wrapper:
        connection: Raw | None = None

    ours, theirs = socket.socketpair()
    stale, other = socket.socketpair()
    wrapper = Wrapper()
    for end in (ours, stale):
        wrapper.connection = Raw(end)
        database.keep_from_children(wrapper)
    # The number of a connection that was closed since is another file's now.
    os.dup2(other.fileno(), stale.fileno())
    try:
        child = os.fork()
        if child == 0:
            code = 0
            for bit, end in ((1, ours), (2, stale)):
                try:
                    os.fstat(end.fileno())
                except OSError:
                    code |= bit
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        theirs.sendall(b"still open here")
        assert ours.recv(64) == b"still open here"
    finally:
        database._kept.clear()
        for end in (ours, theirs, stale, other):
            end.close()
