"""Academies, their members and keys, and the limits that differ from their plan."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from academy.core import clock
from academy.core.ids import new_id
from academy.tenants.plans import PLAN_CHOICES
from academy.tenants.scoping import TenantScopedModel

SLUG_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z"
USERNAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]*\Z"


class Tenant(models.Model):
    """One academy."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.CharField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(SLUG_PATTERN)],
    )
    name = models.CharField(max_length=100)
    plan = models.CharField(max_length=20, choices=PLAN_CHOICES, default="start")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(plan__in=[name for name, _ in PLAN_CHOICES]), name="tenant_plan_known"
            )
        ]

    def __str__(self) -> str:
        return self.slug


class Role(models.TextChoices):
    """What a member is in the academy; scopes follow from it (see scopes.py)."""

    OWNER = "owner", "Owner"
    TEACHER = "teacher", "Teacher"
    STAFF = "staff", "Staff"


class Member(TenantScopedModel):
    """A person who signs in with a browser, and the academy they belong to."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantScopedModel.Meta):
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="member_once_per_tenant"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="member_role_known"),
        ]


class ApiKey(TenantScopedModel):
    """A machine's key: only the hash of its secret is kept, and the prefix that finds it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantScopedModel.Meta):
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["tenant", "name"], name="apikey_tenant_name")]

    def is_live(self) -> bool:
        """Neither revoked nor expired at this moment."""
        if self.revoked_at is not None:
            return False
        return self.expires_at is None or self.expires_at > clock.now()


class LimitException(TenantScopedModel):
    """Limits of one tenant that differ from its plan, until a moment or for good.

    A null limit means: as in the plan.
    """

    LIMITS: ClassVar[tuple[str, ...]]
    """The fields that are limits."""

    until = models.DateTimeField(null=True, blank=True)

    class Meta(TenantScopedModel.Meta):
        abstract = True


class QueueLimit(LimitException):
    """An exception on one queue."""

    LIMITS = ("in_flight", "backlog", "per_day")

    queue = models.CharField(max_length=20)
    in_flight = models.PositiveIntegerField(null=True, blank=True)
    backlog = models.PositiveIntegerField(null=True, blank=True)
    per_day = models.PositiveIntegerField(null=True, blank=True)

    class Meta(LimitException.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "queue"], name="queuelimit_once_per_queue")
        ]


class VideoLimit(LimitException):
    """An exception on lectures: what is encoded and stored, and how it is watched."""

    LIMITS = ("minutes_per_month", "storage_bytes", "viewings", "devices")

    minutes_per_month = models.PositiveIntegerField(null=True, blank=True)
    storage_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    viewings = models.PositiveIntegerField(null=True, blank=True)
    devices = models.PositiveIntegerField(null=True, blank=True)

    class Meta(LimitException.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant"], name="videolimit_once")]


class RefreshToken(models.Model):
    """One refresh token of a browser session (of a person, who may have no academy: staff).

    Each use replaces it with the next of its ``family``. A token that is used a second time was
    copied, so the whole family ends.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    family = models.UUIDField(db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="refresh_tokens"
    )
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, related_name="+")
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)


class LoginThrottle(models.Model):
    """Failed sign-ins of one user name or one address within the present window.

    ``key`` is a keyed hash, so the table names nobody.
    """

    key = models.CharField(primary_key=True, max_length=64)
    failures = models.PositiveIntegerField()
    window_ends_at = models.DateTimeField(db_index=True)
