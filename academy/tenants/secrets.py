"""Secrets we hand out once and keep only as keyed hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string

from django.conf import settings

SECRET_BYTES = 32
_PASSWORD_LENGTH = 20


def new_secret() -> str:
    """256 random bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_password() -> str:
    """A first password, about 119 bits, without characters that are read as one another."""
    alphabet = "".join(sorted(set(string.ascii_letters + string.digits) - set("Il1O0o")))
    return "".join(secrets.choice(alphabet) for _ in range(_PASSWORD_LENGTH))


def fingerprint(purpose: str, secret: str) -> bytes:
    """HMAC-SHA-256 of a secret under the pepper: useless to whoever reads only the database."""
    key = settings.API_KEY_PEPPER.encode()
    return hmac.digest(key, f"{purpose}:{secret}".encode(), hashlib.sha256)


def matches(stored: bytes | memoryview, given: bytes) -> bool:
    """Compare two fingerprints in constant time."""
    return hmac.compare_digest(bytes(stored), given)
