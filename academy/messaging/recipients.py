"""Who gets a message: students by id or by class, or a phone; and the values of the variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from academy.core.errors import AppError
from academy.messaging.fields import Recipient
from academy.messaging.phones import canonical
from academy.roster.fields import Enrolment
from academy.roster.models import Student
from academy.tenants.models import Tenant


@dataclass(frozen=True)
class To:
    """One who is to get it: a student's parent, a student, or a phone without either."""

    student: UUID | None = None
    recipient: Recipient = Recipient.PARENT
    phone: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """One who is to get it, looked up. ``problem`` is a code where that did not work."""

    student: UUID | None
    recipient: str
    digits: str
    values: Mapping[str, str]
    problem: str = ""


def of_students(
    tenant: Tenant,
    *,
    class_name: str = "",
    recipient: Recipient = Recipient.PARENT,
    most: int,
) -> list[To]:
    """The enrolled students, of one class or all, by name; at most so many and one."""
    rows = Student.objects.for_tenant(tenant).filter(
        removed_at__isnull=True, state=Enrolment.ENROLLED.value
    )
    if class_name:
        rows = rows.filter(class_name=class_name)
    ids = rows.order_by("name", "id").values_list("pk", flat=True)[: most + 1]
    return [To(student=pk, recipient=recipient) for pk in ids]


def people(tenant: Tenant, wanted: Sequence[To]) -> list[Person]:
    """Look all of them up in one query, in their order."""
    ids = {one.student for one in wanted if one.student is not None}
    students = {
        row.pk: row
        for row in Student.objects.for_tenant(tenant).filter(pk__in=ids, removed_at__isnull=True)
    }
    return [_person(one, students) for one in wanted]


def values_of(student: Student) -> dict[str, str]:
    """What templates may say of a student without being told, in Korean and in English."""
    known = {
        ("학생명", "이름", "name"): student.name,
        ("학교", "school"): student.school,
        ("학년", "grade"): student.grade,
        ("반", "class"): student.class_name,
        ("번호", "number"): student.number,
    }
    return {word: value for words, value in known.items() for word in words if value}


def _person(one: To, students: Mapping[UUID, Student]) -> Person:
    if one.student is None:
        return _of_phone("", one.phone, one.variables)
    student = students.get(one.student)
    if student is None:
        # Another academy's student is not there either.
        return Person(None, one.recipient.value, "", one.variables, "message_student_unknown")
    phone = student.parent_phone if one.recipient is Recipient.PARENT else student.student_phone
    values = {**values_of(student), **one.variables}
    if not phone:
        return Person(student.pk, one.recipient.value, "", values, "message_phone_missing")
    found = _of_phone(one.recipient.value, phone, values)
    return Person(student.pk, found.recipient, found.digits, found.values, found.problem)


def _of_phone(recipient: str, phone: str, values: Mapping[str, str]) -> Person:
    try:
        return Person(None, recipient, canonical(phone), values)
    except AppError as error:
        return Person(None, recipient, "", values, error.code)


def counted(wanted: Iterable[To], most: int) -> list[To]:
    """The recipients. Raises AppError: message_nobody, message_cap_send."""
    found = list(wanted)
    if not found:
        raise AppError("message_nobody")
    if len(found) > most:
        raise AppError("message_cap_send", count=len(found), limit=most)
    return found
