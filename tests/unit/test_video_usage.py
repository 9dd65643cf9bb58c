"""Months, and what is left of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.tenants.plans import PLANS, VideoLimits
from academy.video.management.commands.video_orphans import _bytes
from academy.video.usage import Usage, month_of


@pytest.mark.parametrize(
    ("moment", "first", "end"),
    [
        # Midnight in Korea is 15:00 UTC of the day before.
        ("2026-02-28T14:59:59", "2026-01-31T15:00:00", "2026-02-28T15:00:00"),
        ("2026-02-28T15:00:00", "2026-02-28T15:00:00", "2026-03-31T15:00:00"),
        ("2026-12-31T15:00:00", "2026-12-31T15:00:00", "2027-01-31T15:00:00"),
        ("2028-02-29T12:00:00", "2028-01-31T15:00:00", "2028-02-29T15:00:00"),
    ],
)
def test_a_month_begins_and_ends_at_midnight_in_korea(moment: str, first: str, end: str) -> None:
    begins, ends = month_of(_utc(moment))
    assert (begins, ends) == (_utc(first), _utc(end))


@given(st.integers(0, 80 * 365 * 86_400))
def test_every_moment_lies_in_its_month_and_months_follow_each_other(second: int) -> None:
    moment = _utc("2020-01-01T00:00:00") + timedelta(seconds=second)
    begins, ends = month_of(moment)
    assert begins <= moment < ends
    assert month_of(ends)[0] == ends
    assert 28 <= (ends - begins).days <= 31


def test_minutes_left_are_never_below_zero() -> None:
    limits = VideoLimits(minutes_per_month=10, storage_bytes=1)
    _, ends = month_of(_utc("2026-03-02T00:00:00"))
    assert Usage(90.0, ends, 0, limits).minutes_left == 8.5
    assert Usage(900.0, ends, 0, limits).minutes_left == 0.0


def test_a_larger_plan_has_more_of_everything() -> None:
    start, grow = PLANS["start"].video, PLANS["grow"].video
    assert 0 < start.minutes_per_month < grow.minutes_per_month
    assert 0 < start.storage_bytes < grow.storage_bytes


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (5 << 40, "5.0 TiB"),
        (2 << 50, "2048.0 TiB"),
    ],
)
def test_sizes_are_told_in_units_that_people_read(size: int, text: str) -> None:
    assert _bytes(size) == text


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
