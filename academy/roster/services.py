"""Create, change and remove one student; for many at once see `batches`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from academy.core import clock
from academy.core.errors import AppError
from academy.roster import errors as _errors  # noqa: F401 - registers the catalogue entries
from academy.roster import sealing
from academy.roster.models import Student, columns_of
from academy.roster.phones import PHONES
from academy.roster.selectors import student_get
from academy.tenants.models import Tenant


def student_create(*, tenant: Tenant, values: Mapping[str, str | date | None]) -> Student:
    """Add a student, or bring back the removed one with this name and parent phone.

    ``values`` have their stored form. Raises AppError student_exists.
    """
    sealing.seal(tenant.pk)
    with transaction.atomic():
        students = Student.objects.for_tenant(tenant)
        known = students.select_for_update().filter(
            name=values["name"],
            parent_phone_index=PHONES.index(tenant.pk, str(values["parent_phone"])),
        )
        student = known.first()
        if student is None:
            student = Student(tenant=tenant, **_filled(values))
            students.bulk_create([student], ignore_conflicts=True)
            # Somebody else may have added the same student at the same moment.
            if known.get().pk != student.pk:
                raise AppError("student_exists", student=str(known.get().pk))
            return student
        if student.removed_at is None:
            raise AppError("student_exists", student=str(student.pk))
        _change(student, {**_filled(values), "removed_at": None})
        return student


def student_edit(*, tenant: Tenant, student_id: UUID, changes: Mapping[str, Any]) -> Student:
    """Change what is named. Raises AppError: not_found, student_removed, student_exists."""
    sealing.seal(tenant.pk)
    with transaction.atomic():
        student = student_get(tenant=tenant, student_id=student_id, removed=False)
        try:
            with transaction.atomic():
                _change(student, _filled(changes))
        except IntegrityError:
            other = Student.objects.for_tenant(tenant).filter(
                name=student.name, parent_phone_index=student.parent_phone_index
            )
            # Without the cause: the database's own message names the student and the phone.
            raise AppError("student_exists", student=str(other.get().pk)) from None
        return student


def student_remove(*, tenant: Tenant, student_id: UUID) -> Student:
    """Hide a student; doing it again changes nothing. Raises AppError not_found."""
    student = student_get(tenant=tenant, student_id=student_id)
    if student.removed_at is None:
        _change(student, {"removed_at": clock.now()})
    return student


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Empty texts for what is not known; a date may be null."""
    return {
        name: "" if value is None and name != "enrolled_on" else value
        for name, value in values.items()
    }


def _change(student: Student, changes: Mapping[str, Any]) -> None:
    if not changes:
        return
    for name, value in changes.items():
        setattr(student, name, value)
    student.updated_at = clock.now()
    student.save(update_fields=[*columns_of(changes), "updated_at"])
