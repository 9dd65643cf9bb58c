"""The students of an academy."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Reverse

from academy.core import clock
from academy.core.ids import new_id
from academy.roster import fields, phones
from academy.roster.fields import Enrolment, Gender
from academy.tenants.scoping import TenantScopedModel

PARENT_COLUMNS: Final = (
    "parent_phone_sealed", "parent_phone_index", "parent_phone_tail", "parent_phone_clear",
)  # fmt: skip
STUDENT_COLUMNS: Final = ("student_phone_sealed", "student_phone_index", "student_phone_clear")
PHONE_COLUMNS: Final = MappingProxyType(
    {"parent_phone": PARENT_COLUMNS, "student_phone": STUDENT_COLUMNS}
)
"""Where each phone of a student is kept; those in the clear serve 0.1.0, see `sealing`."""


UNSEALED: Final = Q(parent_phone_sealed__isnull=True) | Q(student_phone_sealed__isnull=True)


class Student(TenantScopedModel):
    """One student; the name and the parent's phone tell two apart.

    Phones are sealed for the academy and found by blind indexes. `parent_phone` and `student_phone`
    open and set them: digits alone, which stand in no log, message, job or result.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.CharField(max_length=fields.NUMBER_CHARS, blank=True, default="")
    """The academy's own number of the student; nothing makes sure that it is the only one."""
    name = models.CharField(max_length=fields.NAME_CHARS)
    parent_phone_sealed = models.BinaryField(max_length=phones.SEALED_BYTES, null=True)
    parent_phone_index = models.BinaryField(max_length=phones.INDEX_BYTES, null=True)
    parent_phone_tail = models.BinaryField(max_length=phones.INDEX_BYTES, null=True)
    """Blind index of the last four digits: people look for those."""
    parent_phone_clear = models.CharField(
        db_column="parent_phone", max_length=fields.PHONE_DIGITS, null=True
    )
    student_phone_sealed = models.BinaryField(max_length=phones.SEALED_BYTES, null=True)
    """Empty where the phone is not known, as is its index; null where it is not sealed yet."""
    student_phone_index = models.BinaryField(max_length=phones.INDEX_BYTES, null=True)
    student_phone_clear = models.CharField(
        db_column="student_phone", max_length=fields.PHONE_DIGITS, null=True, blank=True, default=""
    )
    school = models.CharField(max_length=fields.SCHOOL_CHARS, blank=True, default="")
    grade = models.CharField(max_length=fields.GRADE_CHARS, blank=True, default="")
    gender = models.CharField(
        max_length=8, blank=True, default="", choices=[(item.value, item.value) for item in Gender]
    )
    class_name = models.CharField(max_length=fields.CLASS_CHARS, blank=True, default="")
    state = models.CharField(
        max_length=8,
        default=Enrolment.ENROLLED.value,
        choices=[(item.value, item.value) for item in Enrolment],
    )
    enrolled_on = models.DateField(null=True, blank=True)
    memo = models.CharField(max_length=fields.MEMO_CHARS, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)
    removed_at = models.DateTimeField(null=True, blank=True)
    """Hidden since then; the same student, added again, comes back with the same id."""

    class Meta(TenantScopedModel.Meta):
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "parent_phone_index", "name"], name="student_once_by_index"
            ),
            models.UniqueConstraint(
                fields=["tenant", "parent_phone_clear", "name"], name="student_once_per_tenant"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="student_has_name"),
            models.CheckConstraint(
                condition=Q(parent_phone_clear__regex=r"^010[0-9]{8}$"),
                name="student_parent_phone",
            ),
            models.CheckConstraint(
                condition=Q(student_phone_clear="")
                | Q(student_phone_clear__regex=r"^01[016789][0-9]{7,8}$"),
                name="student_own_phone",
            ),
            models.CheckConstraint(
                condition=Q(parent_phone_clear__isnull=False)
                | Q(parent_phone_sealed__isnull=False),
                name="student_has_parent_phone",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in Enrolment]),
                name="student_state_known",
            ),
            models.CheckConstraint(
                condition=Q(gender="") | Q(gender__in=[item.value for item in Gender]),
                name="student_gender_known",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="student_list"),
            models.Index(fields=["tenant", "name", "id"], name="student_by_name"),
            models.Index(fields=["tenant", "parent_phone_tail"], name="student_by_tail"),
            models.Index(
                "tenant",
                OpClass(Reverse("parent_phone_clear"), "text_pattern_ops"),
                name="student_tail",
            ),
            models.Index(fields=["id"], condition=UNSEALED, name="student_unsealed"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def parent_phone(self) -> str:
        """Digits. Raises AppError student_phone_unreadable."""
        return phones.opened(self.tenant_id, self.parent_phone_sealed, self.parent_phone_clear)

    @parent_phone.setter
    def parent_phone(self, digits: str) -> None:
        self.parent_phone_sealed = phones.PHONES.seal(self.tenant_id, digits)
        self.parent_phone_index = phones.PHONES.index(self.tenant_id, digits)
        self.parent_phone_tail = phones.PHONES.tail_index(self.tenant_id, digits)
        self.parent_phone_clear = digits

    @property
    def student_phone(self) -> str:
        """Digits; empty where it is not known. Raises AppError student_phone_unreadable."""
        return phones.opened(self.tenant_id, self.student_phone_sealed, self.student_phone_clear)

    @student_phone.setter
    def student_phone(self, digits: str) -> None:
        known = bool(digits)
        self.student_phone_sealed = phones.PHONES.seal(self.tenant_id, digits) if known else b""
        self.student_phone_index = phones.PHONES.index(self.tenant_id, digits) if known else b""
        self.student_phone_clear = digits


def columns_of(names: Iterable[str]) -> list[str]:
    """The columns in which these fields are kept."""
    return [column for name in names for column in PHONE_COLUMNS.get(name, (name,))]
