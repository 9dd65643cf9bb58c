"""The students of an academy."""

from __future__ import annotations

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Reverse

from academy.core import clock
from academy.core.ids import new_id
from academy.roster import fields
from academy.roster.fields import Enrolment, Gender
from academy.tenants.scoping import TenantScopedModel


class Student(TenantScopedModel):
    """One student; the name and the parent's phone tell two apart.

    Phones are digits alone, and stand in no log, message, job or result: those have the id.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.CharField(max_length=fields.NUMBER_CHARS, blank=True, default="")
    """The academy's own number of the student; nothing makes sure that it is the only one."""
    name = models.CharField(max_length=fields.NAME_CHARS)
    parent_phone = models.CharField(max_length=fields.PHONE_DIGITS)
    student_phone = models.CharField(max_length=fields.PHONE_DIGITS, blank=True, default="")
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
                fields=["tenant", "parent_phone", "name"], name="student_once_per_tenant"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="student_has_name"),
            models.CheckConstraint(
                condition=Q(parent_phone__regex=r"^010[0-9]{8}$"), name="student_parent_phone"
            ),
            models.CheckConstraint(
                condition=Q(student_phone="") | Q(student_phone__regex=r"^01[016789][0-9]{7,8}$"),
                name="student_own_phone",
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
            # People look for the last digits of a phone.
            models.Index(
                "tenant", OpClass(Reverse("parent_phone"), "text_pattern_ops"), name="student_tail"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
