"""The transport's pure decisions."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tasks.transport.policy import MAX_BYTES, MAX_ENTRIES, Backoff, cut_batches, share_slots

sizes = st.lists(st.integers(0, MAX_BYTES), max_size=60)


@given(st.integers(0, 200), st.integers(0, 30))
def test_shares_never_pass_the_free_slots_and_are_fair(free: int, count: int) -> None:
    shares = share_slots(free, count)

    assert len(shares) == count
    assert sum(shares) <= free
    assert sum(shares) == min(free, count * MAX_ENTRIES)
    assert all(0 <= share <= MAX_ENTRIES for share in shares)
    assert max(shares, default=0) - min(shares, default=0) <= 1
    assert shares == sorted(shares, reverse=True)  # the first ones are served first


@given(st.integers(0, 30))
def test_without_a_limit_every_queue_is_asked_for_all_it_gives(count: int) -> None:
    assert share_slots(None, count) == [MAX_ENTRIES] * count


backoffs = st.builds(
    Backoff,
    base=st.floats(0.01, 60),
    factor=st.floats(1, 10),
    cap=st.floats(60, 3600),
    jitter=st.floats(0, 1),
)


@given(backoffs, st.integers(-5, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_within_its_jitter_and_below_the_cap(
    backoff: Backoff, attempt: int, chance: float
) -> None:
    delay = backoff.delay(attempt, lambda: chance)
    ceiling = backoff.ceiling(attempt)

    assert ceiling <= backoff.cap
    assert ceiling * (1 - backoff.jitter) <= delay <= ceiling


@given(backoffs, st.integers(1, 200))
def test_delays_never_shrink_with_the_attempts(backoff: Backoff, attempt: int) -> None:
    assert backoff.ceiling(attempt) <= backoff.ceiling(attempt + 1)


def test_the_first_delay_is_the_base() -> None:
    assert Backoff(base=2, factor=2.5, cap=60).ceiling(1) == 2
    assert Backoff(base=2, factor=2.5, cap=60).ceiling(3) == 12.5


@given(sizes)
def test_batches_keep_every_item_in_order_and_both_limits(items: list[int]) -> None:
    batches = list(cut_batches(items, lambda size: size))

    assert [item for batch in batches for item in batch] == items
    for batch in batches:
        assert 1 <= len(batch) <= MAX_ENTRIES
        assert sum(batch) <= MAX_BYTES


@given(sizes)
def test_a_batch_is_cut_only_where_a_limit_asks_for_it(items: list[int]) -> None:
    batches = list(cut_batches(items, lambda size: size))

    for batch, following in itertools.pairwise(batches):
        assert len(batch) == MAX_ENTRIES or sum(batch) + following[0] > MAX_BYTES


def test_an_item_above_the_limit_is_alone() -> None:
    assert list(cut_batches([1, 50, 1], lambda size: size, max_bytes=10)) == [[1], [50], [1]]
