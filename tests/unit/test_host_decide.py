"""What a host does with itself: never away from work, never where somebody would start it again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.host.crew import Load, Look
from tasks.host.decide import IN_SERVICE, Action, Decision, Facts, decide
from tasks.host.metadata import Notice
from tasks.host.place import Alone, EcsTask, Member, Place, Unknown

GOING = (Action.STOP, Action.TERMINATE)
seconds = st.floats(0, 10_000)
capacity = st.integers(0, 20)
members = st.builds(
    Member,
    instance_id=st.just("i-1"),
    group=st.just("video"),
    state=st.sampled_from([IN_SERVICE, "Pending", "Standby", "Terminating:Wait", "Warmed:Running"]),
    protected=st.booleans(),
    weight=st.integers(1, 4),
    desired=capacity,
    minimum=capacity,
)
places: st.SearchStrategy[Place] = st.one_of(
    st.just(Unknown("no answer")),
    st.builds(EcsTask, st.booleans()),
    st.builds(Alone, st.just("i-1"), st.sampled_from(["", "aws:ec2:fleet-id"])),
    members,
)
looks = st.one_of(
    st.just(Look(Load.BUSY)),
    st.just(Look(Load.UNKNOWN, why="unreadable")),
    st.builds(Look, st.just(Load.IDLE), seconds),
)
notices = st.sampled_from([None, Notice("spot"), Notice("group", from_group=True)])
any_facts = st.builds(Facts, looks, places, notices, st.one_of(st.just(0.0), seconds), seconds)


def facts(place: Place, **changes: Any) -> Facts:
    """A host that has been idle for ten minutes where five are enough."""
    given = {
        "look": Look(Load.IDLE, 600.0),
        "place": place,
        "notice": None,
        "idle_stop_seconds": 300.0,
        "release_seconds": 60.0,
    }
    return Facts(**{**given, **changes})


def member(**changes: Any) -> Member:
    given = {
        "instance_id": "i-1",
        "group": "video",
        "state": IN_SERVICE,
        "protected": False,
        "weight": 1,
        "desired": 2,
        "minimum": 1,
    }
    return Member(**{**given, **changes})


@given(any_facts)
def test_a_host_that_works_or_may_be_working_is_never_given_up(known: Facts) -> None:
    if decide(known).action in GOING:
        assert known.look.load is Load.IDLE
        assert known.idle_stop_seconds > 0
        assert known.look.idle_seconds >= max(known.idle_stop_seconds, known.release_seconds)


@given(any_facts)
def test_a_host_that_somebody_would_start_again_is_never_given_up(known: Facts) -> None:
    action = decide(known).action
    if action is Action.TERMINATE:
        assert isinstance(known.place, Member)
        assert known.place.state == IN_SERVICE
        assert known.place.desired - known.place.weight >= known.place.minimum
    if action is Action.STOP:
        assert isinstance(known.place, Alone)
        assert not known.place.keeper


@given(any_facts)
def test_a_host_that_is_going_anyway_only_drains(known: Facts) -> None:
    decision = decide(known)
    assert (decision.action is Action.LEAVE) == (known.notice is not None)
    if known.notice:
        assert decision == Decision(Action.LEAVE, None, known.notice.why)


@given(any_facts)
def test_a_host_is_protected_exactly_while_it_works_or_may(known: Facts) -> None:
    decision = decide(known)
    in_service = isinstance(known.place, Member) and known.place.state == IN_SERVICE
    if known.notice or not (in_service or known.place == EcsTask(True)):  # noqa: FBT003 - its field
        assert decision.protect is None
        return
    at_rest = known.look.load is Load.IDLE and known.look.idle_seconds >= known.release_seconds
    assert decision.protect is not at_rest
    if decision.action in GOING:
        assert decision.protect is False


@given(any_facts, st.floats(0, 1_000))
def test_time_alone_changes_no_reason(known: Facts, later: float) -> None:
    """A line in the log is a change of mind; seconds in it would make it one every round."""
    if known.look.load is Load.IDLE and decide(known).action in GOING:
        look = Look(Load.IDLE, known.look.idle_seconds + later)
        longer = Facts(look, known.place, None, known.idle_stop_seconds, known.release_seconds)
        assert decide(longer) == decide(known)


@pytest.mark.parametrize(
    ("known", "action", "why"),
    [
        (facts(member()), Action.TERMINATE, "above its minimum"),
        (facts(member(desired=1)), Action.STAY, "at its minimum"),
        (facts(member(desired=1, minimum=0)), Action.TERMINATE, "above its minimum"),
        (facts(member(desired=4, minimum=2, weight=3)), Action.STAY, "at its minimum"),
        (facts(member(state="Standby")), Action.STAY, "Standby"),
        (facts(Alone("i-1")), Action.STOP, "in no group"),
        (facts(Alone("i-1", "aws:ec2:fleet-id")), Action.STAY, "aws:ec2:fleet-id"),
        (facts(EcsTask(True)), Action.STAY, "ECS"),  # noqa: FBT003 - its only field
        (facts(Unknown("no answer")), Action.STAY, "no answer"),
        (facts(member(), idle_stop_seconds=0), Action.STAY, "is off"),
        (facts(member(), look=Look(Load.BUSY)), Action.STAY, "at work"),
        (facts(member(), look=Look(Load.IDLE, 59)), Action.STAY, "at work"),
        (facts(member(), look=Look(Load.IDLE, 299)), Action.STAY, "less than 300 s"),
        (facts(member(), look=Look(Load.UNKNOWN, why="torn file")), Action.STAY, "torn file"),
        (facts(member(), notice=Notice("spot interruption")), Action.LEAVE, "spot"),
    ],
)
def test_each_case_is_decided_and_says_why(known: Facts, action: Action, why: str) -> None:
    decision = decide(known)
    assert decision.action is action
    assert why in decision.why
