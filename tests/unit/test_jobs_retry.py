"""When a job that failed for a passing reason runs again."""

from __future__ import annotations

import math
import random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.jobs.retry import (
    LONGEST_ELSEWHERE,
    LONGEST_RETRY_AFTER,
    SHORTEST_ELSEWHERE,
    RetryPolicy,
    elsewhere_delay,
)

policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 60),
    base=st.floats(0.1, 60.0),
    cap=st.floats(1.0, 3_600.0),
    floor=st.floats(0.0, 1.0),
)


@given(policies, st.integers(1, 100), st.integers())
def test_a_wait_lies_between_the_floor_and_the_cap(policy: RetryPolicy, failures: int, seed: int):
    delay = policy.delay(failures, rng=random.Random(seed))
    if failures >= policy.max_attempts:
        assert delay is None
    else:
        ceiling = min(policy.cap, policy.base * 2.0 ** (failures - 1))
        assert delay is not None
        assert policy.floor <= delay <= max(policy.floor, ceiling)


@given(policies, st.integers(1, 59), st.floats(0.0, 5_000.0))
def test_a_provider_is_never_asked_before_the_time_it_named(
    policy: RetryPolicy, failures: int, retry_after: float
):
    delay = policy.delay(failures, retry_after=retry_after)
    assert delay is None or delay >= retry_after


@pytest.mark.parametrize("named", [math.inf, 1e300, math.nan, -5.0])
def test_a_provider_cannot_send_a_job_to_sleep_for_ever(named: float):
    delay = RetryPolicy(max_attempts=3).delay(1, retry_after=named)
    assert delay is not None
    assert 1.0 <= delay <= LONGEST_RETRY_AFTER


def test_jobs_that_failed_together_do_not_come_back_together():
    policy = RetryPolicy(max_attempts=10)
    delays = [policy.delay(6, rng=random.Random(seed)) or 0.0 for seed in range(400)]
    width = 5.0 * 2**5
    assert len(set(delays)) > 390
    # Full jitter: the mean is the middle of the interval, and all of it is used.
    assert mean(delays) == pytest.approx(width / 2, rel=0.1)
    assert min(delays) < width * 0.05
    assert max(delays) > width * 0.95


def test_waits_grow_until_the_cap():
    policy = RetryPolicy(max_attempts=30)

    class Highest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    waits = [policy.delay(failures, rng=Highest()) for failures in range(1, 15)]
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0]
    assert waits[-1] == policy.cap == 900.0


@pytest.mark.parametrize(
    ("named", "low"), [(None, 0.0), (600.0, 600.0), (math.nan, 0.0), (-5.0, 0.0), (1e300, 86_400.0)]
)
def test_a_job_that_is_given_back_waits_a_while_beyond_what_was_named(named, low: float):
    waits = [elsewhere_delay(20, retry_after=named) - low for _ in range(200)]
    assert SHORTEST_ELSEWHERE <= min(waits) < max(waits) <= LONGEST_ELSEWHERE
    assert len(set(waits)) > 190
