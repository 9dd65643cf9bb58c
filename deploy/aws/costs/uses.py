"""What people do with the platform in a month, in each size: assumed, and stated on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Use:
    """What people do in a month, and what follows from it."""

    students: int
    lectures_a_week: int
    minutes_a_lecture: int
    megabits_a_second: float
    """Of the recording."""
    months_kept: int
    views_a_student_week: int
    sheets_a_student_week: int
    messages_a_student_month: int
    ai_pages_a_week: int
    requests_a_student_day: int
    batches_a_week: int
    """How often a pool starts for work that comes together; it lingers after each."""
    gpu_sessions_a_month: int
    gpu_hours_a_session: float
    load_units: float
    """Capacity units of the load balancer, on average."""
    images_gb: int


USES: Final[dict[str, Use]] = {
    "start": Use(
        students=500,
        lectures_a_week=25,
        minutes_a_lecture=60,
        megabits_a_second=3,
        months_kept=12,
        views_a_student_week=2,
        sheets_a_student_week=2,
        messages_a_student_month=4,
        ai_pages_a_week=200,
        requests_a_student_day=150,
        batches_a_week=20,
        gpu_sessions_a_month=8,
        gpu_hours_a_session=0.5,
        load_units=0,
        images_gb=10,
    ),
    "grow": Use(
        students=10_000,
        lectures_a_week=300,
        minutes_a_lecture=60,
        megabits_a_second=3,
        months_kept=12,
        views_a_student_week=2,
        sheets_a_student_week=2,
        messages_a_student_month=4,
        ai_pages_a_week=4_000,
        requests_a_student_day=150,
        batches_a_week=60,
        gpu_sessions_a_month=60,
        gpu_hours_a_session=1.0,
        load_units=1.5,
        images_gb=10,
    ),
}
