"""The arithmetic of watched intervals: no second twice, none that was not watched."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.core import clock
from academy.video import watching
from academy.video.models import Viewing

DURATION = 100.0
_points = st.integers(0, 100).map(float)
_intervals = st.lists(st.tuples(_points, _points), max_size=30)


def covered(intervals: list[watching.Interval]) -> set[int]:
    """The whole seconds that intervals with whole ends cover."""
    return {second for begin, end in intervals for second in range(int(begin), int(end))}


@given(_intervals)
def test_merging_keeps_every_second_once_and_in_order(intervals: list[watching.Interval]) -> None:
    merged = watching.merge(intervals)
    assert covered(merged) == covered(intervals)
    assert watching.total(merged) == len(covered(intervals))
    flat = [edge for interval in merged for edge in interval]
    assert flat == sorted(set(flat)), "disjoint, in order, and nothing touches"


@given(_intervals, _intervals)
def test_merging_does_not_depend_on_the_order_of_reports(
    one: list[watching.Interval], other: list[watching.Interval]
) -> None:
    step = watching.merge([*watching.merge(one), *other])
    assert step == watching.merge([*watching.merge(other), *one]) == watching.merge([*one, *other])
    assert watching.merge(step) == step


@given(_intervals, st.integers(0, 200).map(float))
def test_a_report_is_cut_where_its_credit_ends(
    intervals: list[watching.Interval], credit: float
) -> None:
    kept = watching.cut(intervals, credit)
    lengths = sum(max(0.0, end - begin) for begin, end in intervals)
    assert watching.total(kept) == min(credit, lengths)
    assert covered(kept) <= covered(intervals)


@given(st.lists(st.tuples(st.floats(-50, 250), st.floats(-50, 250)), max_size=20))
def test_what_lies_outside_the_lecture_does_not_count(intervals: list[watching.Interval]) -> None:
    inside = watching.clamp(intervals, DURATION)
    assert all(0 <= begin < end <= DURATION for begin, end in inside)


def viewing_seen(seconds_ago: float, credit: float = 0.0) -> Viewing:
    return Viewing(seen_at=clock.now() - timedelta(seconds=seconds_ago), credit=credit)


@pytest.mark.parametrize(
    ("seconds", "rate", "credit"),
    [(15, 1.0, 15), (15, 2.0, 30), (15, 16.0, 30), (15, 0.5, 7.5), (15, -1.0, 0), (-5, 1.0, 0)],
)
def test_credit_grows_with_the_clock_at_the_players_speed_up_to_twice(
    seconds: float, rate: float, credit: float
) -> None:
    with clock.frozen(clock.now()):
        assert watching.earned(viewing_seen(seconds), clock.now(), rate) == credit


def test_credit_does_not_pile_up_while_nothing_is_heard() -> None:
    assert watching.earned(viewing_seen(7200), clock.now(), 1.0) == 180  # 6 x 15 s, at double speed


@pytest.mark.parametrize(
    ("position", "begins_at"), [(0, 0), (9, 0), (10.5, 10.5), (89, 89), (90, 0), (100, 0)]
)
def test_a_position_at_either_end_is_not_resumed(position: float, begins_at: float) -> None:
    assert watching.resumable(position, DURATION) == begins_at


@given(_intervals, _intervals)
def test_without_holes_leaves_every_second_that_lies_in_none(
    intervals: list[watching.Interval], holes: list[watching.Interval]
) -> None:
    one, other = watching.merge(intervals), watching.merge(holes)
    left = watching.without(one, other)
    assert covered(left) == covered(one) - covered(other)
    assert watching.total(left) == len(covered(left))
