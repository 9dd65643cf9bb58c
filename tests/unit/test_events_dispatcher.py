"""A worker's heartbeat and its snapshot leave together: one request to SQS, not two."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery

from tasks.events import dispatcher as dispatchers
from tasks.events.dispatcher import SNAPSHOT, Dispatcher


class Box(list[dict[str, Any]]):
    put = list.append


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Box:
    made = Box()
    monkeypatch.setattr(dispatchers, "outbox", lambda: made)
    return made


@pytest.fixture
def dispatcher(box: Box, monkeypatch: pytest.MonkeyPatch) -> Dispatcher:
    monkeypatch.setenv("EVENTS_FLUSH_SECONDS", "5")
    app = Celery("test", broker="memory://", set_as_current=False)
    return Dispatcher(app.connection_for_write(), app=app, hostname="video@host")


def test_a_snapshot_follows_each_heartbeat_at_once(dispatcher: Dispatcher, box: Box) -> None:
    dispatcher.on_heartbeat = lambda: dispatcher.send(SNAPSHOT, queue="video")

    dispatcher.send("worker-heartbeat", freq=10, active=0, processed=0)
    dispatcher.send("task-started", uuid="a")
    dispatcher.send("worker-heartbeat", freq=10, active=0, processed=1)

    kinds = [event["type"] for event in box]
    assert kinds == ["worker-heartbeat", SNAPSHOT, "task-started", "worker-heartbeat", SNAPSHOT]
    assert {event["hostname"] for event in box} == {"video@host"}


def test_a_heartbeat_alone_is_a_heartbeat(dispatcher: Dispatcher, box: Box) -> None:
    dispatcher.send("worker-heartbeat", freq=10)

    assert [event["type"] for event in box] == ["worker-heartbeat"]


def test_nothing_leaves_a_worker_whose_events_are_off(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTS_FLUSH_SECONDS", "0")
    app = Celery("test", broker="memory://", set_as_current=False)
    silent = Dispatcher(app.connection_for_write(), app=app, hostname="video@host")

    silent.send("worker-heartbeat", freq=10)

    assert box == []
