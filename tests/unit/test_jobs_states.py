"""The life of a job as data."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.jobs.states import (
    IN_FLIGHT,
    REPLAYABLE,
    TERMINAL,
    TRANSITIONS,
    JobState,
    is_legal,
    is_legal_path,
)


def _reachable(start: JobState) -> set[JobState]:
    found, frontier = {start}, [start]
    while frontier:
        for after in TRANSITIONS[frontier.pop()] - found:
            found.add(after)
            frontier.append(after)
    return found


def test_every_state_has_a_row_and_can_be_reached_from_queued():
    assert set(TRANSITIONS) == set(JobState) == _reachable(JobState.QUEUED)


def test_an_end_is_an_end_and_can_be_reached_from_everywhere_else():
    assert {
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.DEAD,
    } == TERMINAL
    for state in set(JobState) - TERMINAL:
        assert _reachable(state) & TERMINAL, f"{state} can never end"


def test_no_state_leads_to_itself():
    assert not [state for state, nexts in TRANSITIONS.items() if state in nexts]


def test_everything_that_has_not_ended_can_be_cancelled():
    for state in set(JobState) - TERMINAL:
        assert is_legal(state, JobState.CANCELLED), state


def test_only_a_running_job_succeeds():
    assert [state for state, nexts in TRANSITIONS.items() if JobState.SUCCEEDED in nexts] == [
        JobState.RUNNING
    ]


def test_success_is_what_cannot_be_replayed():
    assert {JobState.SUCCEEDED} == TERMINAL - REPLAYABLE
    assert not IN_FLIGHT & TERMINAL


@given(st.lists(st.sampled_from(JobState), max_size=6))
def test_a_path_is_legal_exactly_when_it_starts_queued_and_every_step_is(path: list[JobState]):
    steps = all(is_legal(a, b) for a, b in itertools.pairwise(path))
    assert is_legal_path(path) == (bool(path) and path[0] is JobState.QUEUED and steps)


@pytest.mark.parametrize("path", [[], [JobState.RUNNING], [JobState.QUEUED, JobState.SUCCEEDED]])
def test_some_paths_that_are_not_legal(path: list[JobState]):
    assert not is_legal_path(path)
