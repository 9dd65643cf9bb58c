"""Tokens of browser users: a short access token (JWT) and a refresh token that rotates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.crypto import salted_hmac

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.tenants.models import Member, RefreshToken
from academy.tenants.secrets import fingerprint, new_secret

ALGORITHM: Final = "HS256"
ISSUER: Final = "academy"
_PURPOSE = "refresh-token"
_REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti"]


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a sign-in or a refresh gives: lifetimes are in the settings."""

    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Whom an access token speaks for."""

    user_id: int
    member_id: UUID | None


def _signing_key() -> bytes:
    return salted_hmac("academy.access-token", "v1", algorithm="sha256").digest()


def access_token(user: User, member: Member | None) -> str:
    """A signed access token for a person, in one academy (or as platform staff)."""
    now = clock.now()
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": str(user.pk),
        "iat": int(now.timestamp()),
        "exp": int((now + settings.ACCESS_TOKEN_LIFETIME).timestamp()),
        "jti": str(new_id()),
    }
    if member is not None:
        claims["mid"] = str(member.pk)
    return jwt.encode(claims, _signing_key(), algorithm=ALGORITHM)


def read_access_token(token: str) -> AccessClaims:
    """Check signature, audience and expiry.

    Raises AppError: ``credentials_expired``, or ``not_authenticated`` for anything else.
    """
    try:
        claims = jwt.decode(
            token,
            _signing_key(),
            algorithms=[ALGORITHM],
            audience=ISSUER,
            issuer=ISSUER,
            # Expiry is checked below, against the platform's one clock.
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
        )
        expires = float(claims["exp"])
        member = UUID(claims["mid"]) if "mid" in claims else None
        found = AccessClaims(int(claims["sub"]), member)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        raise AppError("not_authenticated") from None
    if expires <= clock.now().timestamp():
        raise AppError("credentials_expired")
    return found


def tokens_issue(*, user: User, member: Member | None) -> TokenPair:
    """Begin a session: the first tokens of a new family."""
    ends = clock.now() + settings.REFRESH_TOKEN_LIFETIME
    return _pair(user, member, family=new_id(), ends=ends)


def _pair(user: User, member: Member | None, *, family: UUID, ends: datetime) -> TokenPair:
    secret = f"rt_{new_secret()}"
    RefreshToken.objects.create(
        family=family,
        user=user,
        member=member,
        token_hash=fingerprint(_PURPOSE, secret),
        expires_at=ends,
    )
    lifetime: timedelta = settings.ACCESS_TOKEN_LIFETIME
    return TokenPair(access_token(user, member), secret, int(lifetime.total_seconds()))


def tokens_refresh(*, refresh: str) -> TokenPair:
    """Replace a refresh token by the next of its family.

    A token that was used before ends the whole family: either its holder or a thief has the
    newer one, and nobody can tell which. Raises AppError(``session_ended``).
    """
    with transaction.atomic():
        row = (
            RefreshToken.objects.select_for_update(of=("self",))
            .select_related("user", "member__tenant")
            .filter(token_hash=fingerprint(_PURPOSE, refresh))
            .first()
        )
        if row is not None and row.used_at is not None:
            _end_family(row.family)
            row = None
        elif row is not None and _may_go_on(row):
            row.used_at = clock.now()
            row.save(update_fields=["used_at"])
            # The family keeps its first expiry, so a stolen session cannot live for ever.
            return _pair(row.user, row.member, family=row.family, ends=row.expires_at)
    raise AppError("session_ended")


def _may_go_on(row: RefreshToken) -> bool:
    if row.revoked_at is not None or row.expires_at <= clock.now() or not row.user.is_active:
        return False
    return row.user.is_staff if row.member is None else row.member.tenant.is_active


def tokens_revoke(*, refresh: str) -> None:
    """End the session of a refresh token; an unknown one is no error."""
    row = RefreshToken.objects.filter(token_hash=fingerprint(_PURPOSE, refresh)).first()
    if row is not None:
        _end_family(row.family)


def _end_family(family: UUID) -> None:
    RefreshToken.objects.filter(family=family, revoked_at__isnull=True).update(
        revoked_at=clock.now()
    )


def sessions_end(user: User) -> None:
    """End every session of a person (a changed password, a removed member)."""
    RefreshToken.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=clock.now())


def sweep() -> int:
    """Drop refresh tokens whose family is over; returns how many."""
    return RefreshToken.objects.filter(expires_at__lt=clock.now()).delete()[0]
