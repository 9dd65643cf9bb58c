"""What happened to a job: the list, and the stream that a client can always resume."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import OperationalError, connection

from academy.core.http import serving
from academy.jobs import cancel, lease, selectors
from academy.jobs.api import stream
from academy.jobs.models import Job
from academy.jobs.states import JobState, is_legal_path
from tests.support.jobs import claim, make_job, publish, run

JOBS = "/api/v1/jobs"

# A stream gives its connection back between two looks, which no open transaction survives.
pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Frame:
    """One dispatched event, or a comment (``event`` is then empty)."""

    event: str
    id: str | None
    data: Any


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "pace", stream.Pace(poll=0.01, heartbeat=0.1, lifetime=20.0))
    monkeypatch.setattr(stream, "slots", stream.Slots(lambda: 2))


@pytest.fixture
def open_stream(client: Any) -> Iterator[Any]:
    """Opens streams, and closes them at the end as a server does when its client is gone."""
    opened = []

    def open_one(job: Job, query: str = "", **headers: str) -> Any:
        response = client.get(
            f"{JOBS}/{job.pk}/events{query}", headers={"Accept": "text/event-stream", **headers}
        )
        opened.append(response)
        assert response.status_code == 200
        assert response["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response["Cache-Control"] == "no-store"
        assert response["X-Accel-Buffering"] == "no"
        return response

    yield open_one
    for response in opened:
        response.close()


def frames(response: Any) -> Iterator[Frame]:
    for chunk in response.streaming_content:
        text = chunk.decode()
        assert text.endswith("\n\n")
        fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
        if "" in fields:
            yield Frame("", None, fields[""])
        elif "event" in fields:
            yield Frame(fields["event"], fields.get("id"), json.loads(fields["data"]))


def states(shown: list[Frame]) -> list[str]:
    return [frame.data["state"] for frame in shown if frame.event == "state"]


# ------------------------------------------------------------------ the list


def test_the_list_tells_the_whole_story_in_order(client: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.transient", params={"times": 1})
    run(job)
    client.post(f"{JOBS}/{job.pk}/retry")
    publish("ai-basic")
    run(job)
    body = client.get(f"{JOBS}/{job.pk}/events").json()
    events = body["items"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert is_legal_path([JobState(event["state"]) for event in events])
    assert [event["type"] for event in events] == [
        "submitted",
        "running",
        "retry_wait",
        "queued",
        "published",
        "running",
        "succeeded",
    ]
    assert events[2]["code"] == "test_transient"
    assert body["next_after"] is None
    assert "worker" not in events[1]


def test_the_list_goes_on_after_a_number(client: Any, tenant: Any, monkeypatch: Any) -> None:
    job = make_job(tenant)
    run(job)
    monkeypatch.setattr("academy.jobs.api.views.EVENTS_A_PAGE", 2)
    first = client.get(f"{JOBS}/{job.pk}/events").json()
    assert ([event["seq"] for event in first["items"]], first["next_after"]) == ([1, 2], 2)
    rest = client.get(f"{JOBS}/{job.pk}/events", {"after": 2}).json()
    assert ([event["seq"] for event in rest["items"]], rest["next_after"]) == ([3], None)


@pytest.mark.parametrize("after", ["-1", "x", str(2**31)])
def test_a_bad_number_is_refused(client: Any, tenant: Any, after: str) -> None:
    path = f"{JOBS}/{make_job(tenant).pk}/events"
    assert client.get(path, {"after": after}).status_code == 400


# ------------------------------------------------------------------ the stream


def test_a_stream_follows_a_job_to_its_end(client: Any, open_stream: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.sleep", params={"seconds": 0})
    following = frames(open_stream(job))
    shown = [next(following)]
    held = claim(job)
    with connection.cursor() as cursor:
        beat = lease.Beat(job.pk, held.attempt, lease.Progress("sleeping", 30.0, 7.0))
        lease.renew([beat], cursor)
    for frame in following:
        shown.append(frame)
        if frame.event == "progress" and frame.data["percent"] == 30.0:
            break
    settled = lease.settle(
        held,
        lease.Settlement(JobState.SUCCEEDED, lease.Outcome.SUCCEEDED, result={"slept": 1}),
    )
    assert settled
    shown += [frame for frame in following if frame.event]

    assert states(shown) == ["queued", "running", "succeeded"]
    assert [frame.id for frame in shown if frame.event == "state"] == ["1", "2", "3"]
    assert all(frame.id is None for frame in shown if frame.event != "state")
    progress = [frame.data for frame in shown if frame.event == "progress"]
    assert progress[1] == {
        "state": "running",
        "phase": "start",
        "step": "sleeping",
        "percent": 30.0,
        "eta_seconds": 7.0,
        "attempt": 1,
        "flow": None,
    }
    assert shown[-1].event == "end"
    assert shown[-1].data == client.get(f"{JOBS}/{job.pk}").json()


def test_the_first_line_says_when_to_reconnect(open_stream: Any, tenant: Any) -> None:
    job = make_job(tenant)
    run(job)
    assert next(iter(open_stream(job).streaming_content)) == b"retry: 2000\n\n"


@pytest.mark.parametrize("last_seen", range(4))
def test_a_stream_resumes_behind_the_last_number_seen(
    open_stream: Any, tenant: Any, last_seen: int
) -> None:
    job = make_job(tenant)
    run(job)
    expected = ["queued", "running", "succeeded"][last_seen:]
    by_header = open_stream(job, **{"Last-Event-ID": str(last_seen)})
    by_address = open_stream(job, f"?after={last_seen}")
    for response in (by_header, by_address):
        shown = list(frames(response))
        assert states(shown) == expected
        assert shown[-1].event == "end"
        response.close()


def test_the_header_counts_more_than_the_address(open_stream: Any, tenant: Any) -> None:
    job = make_job(tenant)
    run(job)
    response = open_stream(job, "?after=0", **{"Last-Event-ID": "2"})
    assert states(list(frames(response))) == ["succeeded"]


@pytest.mark.parametrize("nonsense", ["x", "-1", "1.5", "\uff19"])
def test_a_number_that_is_none_starts_at_the_beginning(
    open_stream: Any, tenant: Any, nonsense: str
) -> None:
    job = make_job(tenant)
    run(job)
    response = open_stream(job, **{"Last-Event-ID": nonsense})
    assert len(states(list(frames(response)))) == 3


def test_progress_is_repeated_only_when_it_changed(open_stream: Any, tenant: Any) -> None:
    job = make_job(tenant)
    following = frames(open_stream(job))
    shown = [next(following) for _ in range(4)]
    assert [frame.event for frame in shown] == ["state", "progress", "", ""]


def test_a_waiting_parent_streams_the_progress_of_its_parts(open_stream: Any, tenant: Any) -> None:
    job = make_job(tenant, "test.fan_out", params={"children": 2})
    run(job)
    following = frames(open_stream(job, "?after=3"))
    assert next(following).data["flow"]["percent"] == 0.0
    run(Job.unscoped.filter(parent=job).order_by("child_key")[0])
    frame = next(frame for frame in following if frame.event)
    assert frame.data["flow"] == {"total": 2, "succeeded": 1, "running": 0, "percent": 50.0}


def test_a_stream_ends_by_itself_without_an_end_event(
    open_stream: Any, tenant: Any, monkeypatch: Any
) -> None:
    """The client then connects again: the job has not ended."""
    monkeypatch.setattr(stream, "pace", stream.Pace(poll=0.01, lifetime=0.05))
    shown = list(frames(open_stream(make_job(tenant))))
    assert [frame.event for frame in shown] == ["state", "progress"]


def test_a_stream_ends_when_the_server_drains(
    client: Any, open_stream: Any, tenant: Any, monkeypatch: Any
) -> None:
    following = frames(open_stream(make_job(tenant)))
    assert next(following).event == "state"
    monkeypatch.setattr(serving.server, "accepting", lambda: False)
    assert [frame.event for frame in following] == ["progress"]


def test_streams_are_bounded_and_a_closed_one_makes_room(
    client: Any, open_stream: Any, tenant: Any
) -> None:
    job = make_job(tenant)
    held = [open_stream(job) for _ in range(2)]
    path, accept = f"{JOBS}/{job.pk}/events", {"Accept": "text/event-stream"}
    refused = client.get(path, headers=accept)
    assert refused.status_code == 503
    assert refused["Content-Type"] == "application/json"
    assert refused["Retry-After"] == "5"
    assert refused.json()["error"]["code"] == "too_many_streams"
    held[0].close()  # never read: its slot is free all the same
    next(frames(held[1]))
    open_stream(job).close()
    held[1].close()
    held[1].close()
    assert [open_stream(job) for _ in range(2)]


def test_a_stream_that_has_ended_makes_room(open_stream: Any, tenant: Any) -> None:
    job = make_job(tenant)
    run(job)
    for _ in range(5):
        assert list(frames(open_stream(job)))[-1].event == "end"


def test_a_stream_waits_for_a_database_that_is_away(
    open_stream: Any, tenant: Any, monkeypatch: Any
) -> None:
    job = make_job(tenant)
    response = open_stream(job)
    following = frames(response)
    assert [next(following).event for _ in range(2)] == ["state", "progress"]
    read = selectors.job_events
    failures = iter(range(3))

    def away(**arguments: Any) -> Any:
        if next(failures, None) is not None:
            raise OperationalError("the server closed the connection")
        return read(**arguments)

    monkeypatch.setattr(selectors, "job_events", away)
    cancel.job_cancel(tenant=tenant, job_id=job.pk)
    shown = [frame for frame in following if frame.event]
    assert states(shown) == ["cancelled"]
    assert shown[-1].event == "end"


def test_a_look_at_a_quiet_job_is_one_query(
    client: Any, tenant: Any, django_assert_num_queries: Any
) -> None:
    job = make_job(tenant)
    follower = stream.Follower(tenant.pk, job.pk, 0, stream.pace, frozenset())
    follower._look()
    with django_assert_num_queries(1):
        assert follower._look() == ([], False)


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
def test_json_is_what_a_client_gets_that_does_not_ask(
    client: Any, tenant: Any, accept: str
) -> None:
    response = client.get(f"{JOBS}/{make_job(tenant).pk}/events", headers={"Accept": accept})
    assert response["Content-Type"] == "application/json"


def test_errors_are_json_where_a_stream_was_asked_for(client: Any) -> None:
    path = f"{JOBS}/01932c07-a5d4-7b1e-9c70-6f1f0b0a9f11/events"
    response = client.get(path, headers={"Accept": "text/event-stream"})
    assert (response.status_code, response["Content-Type"]) == (404, "application/json")
