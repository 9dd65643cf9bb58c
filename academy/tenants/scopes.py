"""The table of scopes: what a key or a person may do, and which role brings which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from academy.tenants.models import Role


class Scope(StrEnum):
    """One right. A view names the right each of its methods needs."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    UPLOADS_READ = "uploads:read"
    UPLOADS_WRITE = "uploads:write"
    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    VIDEOS_PURGE = "videos:purge"
    STUDENTS_READ = "students:read"
    STUDENTS_WRITE = "students:write"
    STUDENTS_PHONES = "students:phones"
    SHEETS_READ = "sheets:read"
    SHEETS_WRITE = "sheets:write"
    PROBLEMS_READ = "problems:read"
    PROBLEMS_WRITE = "problems:write"
    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"
    MESSAGES_ADMIN = "messages:admin"
    TENANT_READ = "tenant:read"
    MEMBERS_ADMIN = "members:admin"
    KEYS_ADMIN = "keys:admin"
    PLATFORM_TENANTS = "platform:tenants"
    OPS_READ = "ops:read"
    OPS_WRITE = "ops:write"


#: Rights over all academies: only the platform's own staff has them, and no API key can.
PLATFORM_SCOPES: frozenset[str] = frozenset(
    {Scope.PLATFORM_TENANTS, Scope.OPS_READ, Scope.OPS_WRITE}
)
TENANT_SCOPES: frozenset[str] = frozenset(Scope) - PLATFORM_SCOPES

_WORK: frozenset[str] = frozenset(
    {
        Scope.JOBS_READ,
        Scope.JOBS_WRITE,
        Scope.UPLOADS_READ,
        Scope.UPLOADS_WRITE,
        Scope.VIDEOS_READ,
        Scope.VIDEOS_WRITE,
        Scope.STUDENTS_READ,
        Scope.STUDENTS_WRITE,
        Scope.SHEETS_READ,
        Scope.SHEETS_WRITE,
        Scope.PROBLEMS_READ,
        Scope.PROBLEMS_WRITE,
        Scope.MESSAGES_READ,
        Scope.MESSAGES_WRITE,
        Scope.TENANT_READ,
    }
)

#: Whole phone numbers are for those who talk to parents; everybody else sees the last digits.
ROLE_SCOPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        Role.OWNER: TENANT_SCOPES,
        Role.TEACHER: _WORK,
        Role.STAFF: _WORK | {Scope.STUDENTS_PHONES},
    }
)

#: What a key may do when its creator names nothing: the work itself, no administration.
DEFAULT_KEY_SCOPES: frozenset[str] = _WORK

#: ``required_scopes`` value of a method that any authenticated caller may use.
AUTHENTICATED = "authenticated"
