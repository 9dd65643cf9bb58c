"""Students as the JSON that clients see."""

from __future__ import annotations

from typing import Any

from academy.core.http.values import instant
from academy.roster.fields import NAMES
from academy.roster.models import Student


def student_body(student: Student) -> dict[str, Any]:
    """A student."""
    known = {name: getattr(student, name) for name in NAMES}
    day = student.enrolled_on
    return {
        "id": str(student.pk),
        **known,
        "enrolled_on": None if day is None else day.isoformat(),
        "created_at": instant(student.created_at),
        "updated_at": instant(student.updated_at),
        "removed_at": instant(student.removed_at),
    }
