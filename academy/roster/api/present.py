"""Students as the JSON that clients see."""

from __future__ import annotations

from typing import Any

from academy.core.http.values import instant
from academy.core.personal import masked
from academy.roster.fields import NAMES
from academy.roster.models import PHONE_COLUMNS, Student


def student_body(student: Student, *, whole_phones: bool = False) -> dict[str, Any]:
    """A student; of the phones the last digits alone, unless somebody may see them."""
    known = {name: getattr(student, name) for name in NAMES}
    if not whole_phones:
        known |= {name: masked(known[name]) for name in PHONE_COLUMNS}
    day = student.enrolled_on
    return {
        "id": str(student.pk),
        **known,
        "enrolled_on": None if day is None else day.isoformat(),
        "created_at": instant(student.created_at),
        "updated_at": instant(student.updated_at),
        "removed_at": instant(student.removed_at),
    }
