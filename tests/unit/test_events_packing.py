"""Many events in one message body, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.events.packing import UnreadableBodyError, pack, unpack


def event(**fields: object) -> dict[str, object]:
    made = {"type": "task-started", "uuid": "job-1", "hostname": "video@host-1"}
    return made | {"timestamp": 1_700_000_000.5, "clock": 7, "utcoffset": 0} | fields


@given(st.lists(st.text(max_size=300), max_size=40), st.integers(min_value=500, max_value=5_000))
def test_every_event_comes_back_once_and_in_order(notes: list[str], limit: int) -> None:
    events = [event(note=note) for note in notes]

    packed = pack(events, limit=limit)

    assert packed.refused + sum(count for _, count in packed.bodies) == len(events)
    back = [one for body, _ in packed.bodies for one in unpack(body)]
    fitting = [one for one in events if len(json.dumps(one, separators=(",", ":"))) + 2 <= limit]
    assert back == fitting
    assert packed.refused == len(events) - len(fitting)
    assert [len(unpack(body)) for body, _ in packed.bodies] == [n for _, n in packed.bodies]
    assert all(len(body.encode()) <= limit for body, _ in packed.bodies)


def test_bodies_are_filled_before_another_is_begun() -> None:
    packed = pack([event(note="x" * 100)] * 1_000, limit=20_000)

    sizes = [len(body) for body, _ in packed.bodies]

    assert len(sizes) < 1_000 * 260 / 20_000 + 1
    assert all(size > 19_500 for size in sizes[:-1])


def test_what_is_no_json_is_refused_and_spoils_nothing_else() -> None:
    packed = pack([event(), event(note=object()), event(load=float("nan")), event(clock=8)])

    assert packed.refused == 2
    ((body, count),) = packed.bodies
    assert count == 2
    assert [one["clock"] for one in unpack(body)] == [7, 8]


def test_nothing_makes_no_message() -> None:
    assert pack([]).bodies == ()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "{}",
        "[1]",
        "[" * 100_000,
        json.dumps([event(type="queue-full")]),
        json.dumps([event(type=None)]),
        json.dumps([event(hostname="")]),
        json.dumps([event(hostname=["x"])]),
        json.dumps([event(timestamp="now")]),
        json.dumps([event(timestamp=None)]),
        json.dumps([event(clock=True)]),
        json.dumps([event(timestamp=1e999)]),
        json.dumps([event(uuid="")]),
        json.dumps([event(uuid={})]),
        json.dumps([event(), event(utcoffset="9")]),
    ],
)
def test_a_body_that_is_no_list_of_events_is_refused_without_being_quoted(body: str) -> None:
    with pytest.raises(UnreadableBodyError) as refused:
        unpack(body)

    assert len(str(refused.value)) < 60
