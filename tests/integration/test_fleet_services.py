"""The switches of queues and workers, and what is recorded of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.fleet import report, selectors, services
from academy.fleet.models import OperatorAction, QueueSwitch, Worker
from academy.fleet.report import Identity, Orders
from academy.fleet.states import WorkerState
from tests.support.jobs import make_job, make_tenant, publish

pytestmark = pytest.mark.django_db
BY = "user:17"


def an_identity(name: str = "video@host", **changes) -> Identity:
    fields = {
        "life": new_id(), "name": name, "queue": "video", "host": "host", "host_kind": "cpu",
        "pool": "prefork", "concurrency": 1,
    }  # fmt: skip
    return Identity(**(fields | changes))


def say(who: Identity, state: WorkerState = WorkerState.WORKING, **values) -> Orders:
    said = {"held": 0, "facts": {}, "up_seconds": 1.0} | values
    return report.report(who, state=state, **said)


def recorded() -> list[tuple[str, str, str, str]]:
    rows = OperatorAction.objects.order_by("at")
    return [(row.by, row.action, row.target, row.reason) for row in rows]


def test_a_pause_is_kept_and_recorded_once_however_often_it_is_asked():
    first = services.queue_pause(queue="video", by=BY, reason=" disk full ")
    again = services.queue_pause(queue="video", by="user:18", reason="me too")

    assert (again.paused_at, again.paused_by, again.reason) == (first.paused_at, BY, "disk full")
    assert selectors.paused_queues() == {"video"}
    assert recorded() == [(BY, "queue.pause", "video", "disk full")]


def test_a_resume_ends_the_pause_and_wakes_the_relay_when_it_stands(transactional_db):
    services.queue_pause(queue="video", by=BY, reason="disk full")
    with connection.cursor() as cursor:
        cursor.execute("LISTEN academy_due")
    with transaction.atomic():
        assert services.queue_resume(queue="video", by=BY)
        assert list(connection.connection.notifies(timeout=0)) == []

    assert [n.payload for n in connection.connection.notifies(timeout=5, stop_after=1)] == ["video"]
    assert not services.queue_resume(queue="video", by=BY)
    assert selectors.queue_switches() == {}
    assert [row[1] for row in recorded()] == ["queue.pause", "queue.resume"]
    connection.close()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201], ids=["none", "blank", "long"])
def test_a_pause_needs_a_reason_that_fits(reason):
    with pytest.raises(AppError) as caught:
        services.queue_pause(queue="video", by=BY, reason=reason)
    assert caught.value.code == "reason_invalid"
    assert not QueueSwitch.objects.exists()


def test_an_unknown_queue_or_worker_is_refused():
    for act in (
        lambda: services.queue_pause(queue="vide", by=BY, reason="r"),
        lambda: services.queue_resume(queue="vide", by=BY),
    ):
        with pytest.raises(AppError) as caught:
            act()
        assert (caught.value.code, caught.value.status) == ("queue_unknown", 404)
    for act in (services.worker_drain, services.worker_undrain):
        with pytest.raises(AppError) as caught:
            act(name="video@nowhere", by=BY)
        assert (caught.value.code, caught.value.status) == ("worker_unknown", 404)
    assert recorded() == []


def test_a_switch_whose_record_cannot_be_written_is_not_turned(monkeypatch):
    def fail(**_):
        raise RuntimeError("no record")

    monkeypatch.setattr("academy.fleet.audit.record", fail)
    with pytest.raises(RuntimeError):
        services.queue_pause(queue="video", by=BY, reason="r")
    assert not QueueSwitch.objects.exists()


def test_the_relay_publishes_nothing_on_a_paused_queue_and_everything_after():
    job = make_job(make_tenant(), kind="system.ping.ai-lite")
    other = make_job(make_tenant(), kind="system.ping.messaging")
    services.queue_pause(queue="ai-lite", by=BY, reason="r")

    assert publish("ai-lite") == []
    assert [row.id for row in publish("messaging")] == [other.pk]

    services.queue_resume(queue="ai-lite", by=BY)
    assert [row.id for row in publish("ai-lite")] == [job.pk]


def test_a_worker_learns_of_its_queues_pause_and_its_own_drain():
    mine, other = an_identity(), an_identity("ai-lite@host", queue="ai-lite")
    assert report.ask(mine) is None
    assert say(mine) == say(other) == Orders()

    services.queue_pause(queue="video", by=BY, reason="r")
    services.worker_drain(name="ai-lite@host", by=BY, reason="kernel update")
    services.worker_drain(name="ai-lite@host", by="user:18")

    assert report.ask(mine) == say(mine) == Orders(paused=True)
    assert report.ask(other) == say(other) == Orders(drain=True)
    assert recorded()[1:] == [(BY, "worker.drain", "ai-lite@host", "kernel update")]
    services.worker_undrain(name="ai-lite@host", by=BY)
    services.worker_undrain(name="ai-lite@host", by=BY)
    assert report.ask(other) == Orders()
    assert [row[1] for row in recorded()] == ["queue.pause", "worker.drain", "worker.undrain"]


def test_a_report_is_shown_as_it_was_said():
    who = an_identity(release="2026.3.2")
    say(who, WorkerState.DRAINING, held=2, facts={"events_dropped": 3}, up_seconds=90.0)

    (view,) = selectors.workers_list(alive_only=True)
    row = view.row
    assert view.alive
    assert (row.state, row.held, row.facts) == ("draining", 2, {"events_dropped": 3})
    assert (row.host, row.release, row.concurrency) == ("host", "2026.3.2", 1)
    assert timedelta(seconds=89) < row.seen_at - row.started_at < timedelta(seconds=91)
    assert abs(clock.now() - row.seen_at) < timedelta(seconds=30)


def test_a_worker_that_is_started_again_begins_undrained():
    say(an_identity())
    services.worker_drain(name="video@host", by=BY)

    assert say(an_identity(), up_seconds=0.0) == Orders()

    row = Worker.objects.get()
    assert (row.drain_asked_at, row.drain_asked_by) == (None, "")
    assert row.seen_at - row.started_at < timedelta(seconds=1)


def test_the_last_words_of_an_old_process_do_not_end_its_successor():
    old, new = an_identity(), an_identity()
    say(old)
    say(new)
    say(old, WorkerState.STOPPED)
    assert Worker.objects.get().state == "working"

    # Unless the successor is gone: then the older process is the worker of that name.
    say(new, WorkerState.STOPPED)
    say(old, held=1)
    assert (Worker.objects.get().state, Worker.objects.get().held) == ("working", 1)


def test_a_stopped_worker_is_not_alive_and_cannot_be_drained():
    say(an_identity(), WorkerState.STOPPED)
    (view,) = selectors.workers_list()
    assert not view.alive
    assert view.row.stopped_at is not None
    assert selectors.workers_list(alive_only=True) == []
    with pytest.raises(AppError) as caught:
        services.worker_drain(name="video@host", by=BY)
    assert caught.value.code == "worker_stopped"


def test_a_silent_worker_is_dead_after_half_a_minute_and_forgotten_after_a_day():
    for name, ago in (("a", 20), ("b", 40), ("c", 90_000)):
        say(an_identity(name))
        _seen_ago(name, ago)

    assert {view.row.name: view.alive for view in selectors.workers_list()} == {
        "a": True, "b": False, "c": False,
    }  # fmt: skip
    assert report.forget_workers() == 1
    assert set(Worker.objects.values_list("name", flat=True)) == {"a", "b"}


def _seen_ago(name: str, seconds: int) -> None:
    row = Worker.objects.get(name=name)
    row.seen_at -= timedelta(seconds=seconds)
    row.save()
