"""Read students, always of one tenant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from academy.core.errors import AppError
from academy.core.personal import TAIL_DIGITS
from academy.roster import phones
from academy.roster.fields import PHONE_DIGITS, Enrolment
from academy.roster.models import PHONE_COLUMNS, Student
from academy.tenants.models import Tenant
from academy.tenants.scoping import tenant_id_of

_NOT_DIGITS: Final = re.compile(r"[\s\-.]")


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
    text = search.strip()
    if not text:
        return students
    wanted = Q(name__icontains=text) | Q(number=text)
    digits = _NOT_DIGITS.sub("", text)
    if digits.isascii() and digits.isdigit() and TAIL_DIGITS <= len(digits) <= PHONE_DIGITS:
        wanted |= _phone_ends_with(tenant_id_of(tenant), digits)
    return students.filter(wanted)


def _phone_ends_with(tenant_id: UUID, digits: str) -> Q:
    """The students whose parent's phone does; for more than four digits those are opened."""
    ends = Q(parent_phone_tail=phones.PHONES.tail_index(tenant_id, digits))
    if len(digits) == TAIL_DIGITS:
        return ends
    if len(digits) == PHONE_DIGITS:
        return Q(parent_phone_index=phones.PHONES.index(tenant_id, digits))
    alike = Student.objects.for_tenant(tenant_id).filter(ends)
    found = student_numbers(alike, "parent_phone")
    return Q(pk__in=[student for student, phone in found if phone.endswith(digits)])


def student_numbers(students: QuerySet[Student], by: str) -> Iterator[tuple[UUID, str]]:
    """The id of each of the students, and one of their numbers; empty where it is not known.

    ``by``: ``parent_phone``, ``student_phone`` or ``number``.
    """
    if by not in PHONE_COLUMNS:
        yield from students.values_list("pk", by)
        return
    rows = students.values_list("pk", "tenant_id", f"{by}_sealed", f"{by}_clear")
    for student, tenant_id, sealed, clear in rows.iterator():
        yield student, phones.opened(tenant_id, sealed, clear)


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
