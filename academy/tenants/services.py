"""Make and change academies, their people, and sign people in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet

from academy.core.errors import AppError
from academy.tenants import throttle
from academy.tenants.keys import IssuedKey, key_create
from academy.tenants.models import USERNAME_PATTERN, Member, Role, Tenant
from academy.tenants.scopes import TENANT_SCOPES
from academy.tenants.secrets import new_password
from academy.tenants.tokens import TokenPair, sessions_end, tokens_issue

FIRST_KEY_NAME = "default"
MAX_USERNAME_LENGTH = 150


@dataclass(frozen=True, slots=True)
class NewMember:
    """A member and the first password, which is shown once."""

    member: Member
    password: str


@dataclass(frozen=True, slots=True)
class NewTenant:
    """An academy with its owner and its first key, whose secrets are shown once."""

    tenant: Tenant
    owner: NewMember
    key: IssuedKey


def tenant_create(*, slug: str, name: str, plan: str, owner_username: str) -> NewTenant:
    """Make an academy, its owner and a first API key, all or nothing.

    Raises AppError: ``validation_failed``, ``slug_taken``, ``username_taken``.
    """
    with transaction.atomic():
        tenant = Tenant(slug=slug, name=name, plan=plan)
        _check(tenant)
        try:
            with transaction.atomic():
                tenant.save(force_insert=True)
        except IntegrityError:
            raise AppError("slug_taken") from None
        owner = member_add(tenant=tenant, username=owner_username, role=Role.OWNER)
        key = key_create(tenant=tenant, name=FIRST_KEY_NAME, scopes=TENANT_SCOPES)
        return NewTenant(tenant, owner, key)


def tenant_change(
    *, tenant_id: UUID, name: str | None, plan: str | None, is_active: bool | None
) -> Tenant:
    """Change what is given. Raises AppError(``not_found``)."""
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(pk=tenant_id).first()
        if tenant is None:
            raise AppError("not_found")
        if name is not None:
            tenant.name = name
        if plan is not None:
            tenant.plan = plan
        if is_active is not None:
            tenant.is_active = is_active
        tenant.save(update_fields=["name", "plan", "is_active"])
        return tenant


def member_add(*, tenant: Tenant, username: str, role: str) -> NewMember:
    """Make a person and add them. Raises AppError(``username_taken``)."""
    password = new_password()
    user = _user_create(username=username, password=password, is_staff=False)
    member = Member.objects.for_tenant(tenant).create(user=user, role=role)
    return NewMember(member, password)


def staff_create(*, username: str) -> tuple[User, str]:
    """Make a member of the platform's staff, and a first password that is shown once.

    Raises AppError(``username_taken``).
    """
    password = new_password()
    return _user_create(username=username, password=password, is_staff=True), password


def staff_ensure(*, username: str, password: str) -> User:
    """Make a member of the platform's staff with this password, or give the one there is this one.

    For platforms that a program sets up. Raises AppError(``username_taken``) where the name is a
    member of an academy, ``validation_failed``.
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        return _user_create(username=username, password=password, is_staff=True)
    if not user.is_staff:
        raise AppError("username_taken")
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def _check(row: Model) -> None:
    """A row's own validators, for callers other than the API."""
    try:
        row.clean_fields()
    except ValidationError as error:
        raise AppError("validation_failed", fields=error.message_dict) from None


def _user_create(*, username: str, password: str, is_staff: bool) -> User:
    if not re.match(USERNAME_PATTERN, username) or len(username) > MAX_USERNAME_LENGTH:
        raise AppError("validation_failed", fields={"username": ["invalid"]})
    try:
        with transaction.atomic():
            return User.objects.create_user(username, password=password, is_staff=is_staff)
    except IntegrityError:
        raise AppError("username_taken") from None


def member_remove(*, tenant: Tenant, member_id: UUID) -> None:
    """Take a person out of an academy and end their sessions.

    Somebody who belongs nowhere else can no longer sign in. Raises AppError: ``not_found``,
    ``last_owner``.
    """
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        members = Member.objects.for_tenant(tenant)
        member = members.select_related("user").filter(pk=member_id).first()
        if member is None:
            raise AppError("not_found")
        if member.role == Role.OWNER and members.filter(role=Role.OWNER).count() == 1:
            raise AppError("last_owner")
        user = member.user
        sessions_end(user)
        member.delete()
        if not user.is_staff and not Member.unscoped.filter(user=user).exists():
            user.is_active = False
            user.save(update_fields=["is_active"])


def members_of(tenant: Tenant) -> QuerySet[Member]:
    """The people of an academy, with their user rows."""
    return Member.objects.for_tenant(tenant).select_related("user")


def sign_in(*, username: str, password: str, tenant_slug: str | None, address: str) -> TokenPair:
    """Check a password and begin a session in one academy.

    Unknown users take as long as wrong passwords. Raises AppError: ``login_throttled``,
    ``login_failed``, ``tenant_choice_required``, ``membership_missing``, ``tenant_inactive``.
    """
    throttle.count_attempt(username, address)
    user = authenticate(username=username, password=password)
    if not isinstance(user, User):
        raise AppError("login_failed")
    throttle.forgive(username, address)
    return tokens_issue(user=user, member=_membership(user, tenant_slug))


def _membership(user: User, tenant_slug: str | None) -> Member | None:
    members = list(Member.unscoped.select_related("tenant").filter(user=user))
    if tenant_slug is not None:
        members = [member for member in members if member.tenant.slug == tenant_slug]
    if len(members) > 1:
        slugs = sorted(member.tenant.slug for member in members)
        raise AppError("tenant_choice_required", tenants=", ".join(slugs))
    if members:
        if not members[0].tenant.is_active:
            raise AppError("tenant_inactive")
        return members[0]
    if user.is_staff and tenant_slug is None:
        return None
    raise AppError("membership_missing")


def password_change(*, user: User, current: str, new: str, address: str) -> None:
    """Change a person's own password and end all their sessions.

    Raises AppError: ``login_throttled``, ``login_failed``, ``password_too_weak``.
    """
    throttle.count_attempt(user.username, address)
    if not user.check_password(current):
        raise AppError("login_failed")
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise AppError("password_too_weak", reasons=error.messages) from None
    with transaction.atomic():
        user.set_password(new)
        user.save(update_fields=["password"])
        sessions_end(user)
    throttle.forgive(user.username, address)
