"""Read students, always of one tenant."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Reverse

from academy.core.errors import AppError
from academy.roster.fields import Enrolment
from academy.roster.models import Student
from academy.tenants.models import Tenant

_NOT_DIGITS: Final = re.compile(r"[\s\-.]")
_LEAST_DIGITS: Final = 4


def students_list(
    *,
    tenant: Tenant | UUID,
    states: Collection[Enrolment] = (),
    school: str | None = None,
    grade: str | None = None,
    class_name: str | None = None,
    search: str = "",
    removed: bool = False,
) -> QuerySet[Student]:
    """A tenant's students; only those of these states, this school, grade and class, where named.

    ``search`` finds a part of the name, the academy's number, or the last digits (four at least) of
    the parent's phone. ``removed`` shows those who were removed, and no others.
    """
    students = Student.objects.for_tenant(tenant).filter(removed_at__isnull=not removed)
    if states:
        students = students.filter(state__in=[Enrolment(state).value for state in states])
    exact = {"school": school, "grade": grade, "class_name": class_name}
    students = students.filter(**{name: text for name, text in exact.items() if text is not None})
    return _search(students, search.strip()) if search.strip() else students


def _search(students: QuerySet[Student], text: str) -> QuerySet[Student]:
    wanted = Q(name__icontains=text) | Q(number=text)
    digits = _NOT_DIGITS.sub("", text)
    if digits.isascii() and digits.isdigit() and len(digits) >= _LEAST_DIGITS:
        students = students.alias(tail=Reverse("parent_phone"))
        wanted |= Q(tail__startswith=digits[::-1])
    return students.filter(wanted)


def student_get(*, tenant: Tenant | UUID, student_id: UUID, removed: bool = True) -> Student:
    """One student, also a removed one. Raises AppError(``not_found``), also for another tenant's.

    With ``removed`` false, ``student_removed`` for one who was removed.
    """
    student = Student.objects.for_tenant(tenant).filter(pk=student_id).first()
    if student is None:
        raise AppError("not_found")
    if student.removed_at is not None and not removed:
        raise AppError("student_removed")
    return student
