"""Small secrets and personal data in the database, sealed under secrets that it does not hold.

AES-256-GCM, bound to what the data is about, so that a sealed value which is moved to another row
does not open. Secrets rotate: the first seals, every one opens.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION: Final = b"\x01"
_ID_BYTES, _NONCE_BYTES, _TAG_BYTES = 4, 12, 16
OVERHEAD_BYTES: Final = 1 + _ID_BYTES + _NONCE_BYTES + _TAG_BYTES
"""A sealed value is longer by so much."""


class SealBrokenError(Exception):
    """The secret is gone, or the value was tampered with or moved."""


class Sealer:
    """Seals for one purpose; another purpose's values do not open. ``secrets``: current first."""

    def __init__(self, purpose: str, secrets: Callable[[], Sequence[str]]) -> None:
        self._purpose = purpose.encode()
        self._secrets = secrets

    def seal(self, data: bytes, about: bytes) -> bytes:
        """The data under the current secret."""
        return self.seal_all([data], about)[0]

    def seal_all(self, items: Sequence[bytes], about: bytes) -> list[bytes]:
        """Many at once, all about the same."""
        name, key = self._keys()[0]
        head = _VERSION + name
        noise = os.urandom(_NONCE_BYTES * len(items))
        nonces = (noise[at : at + _NONCE_BYTES] for at in range(0, len(noise), _NONCE_BYTES))
        return [
            head + nonce + key.encrypt(nonce, data, about)
            for nonce, data in zip(nonces, items, strict=True)
        ]

    def unseal(self, sealed: bytes | memoryview, about: bytes) -> bytes:
        """The data again, under whichever secret it was sealed. Raises SealBrokenError."""
        raw = bytes(sealed)
        start = 1 + _ID_BYTES
        name, nonce = raw[1:start], raw[start : start + _NONCE_BYTES]
        key = dict(self._keys()).get(name)
        if raw[:1] != _VERSION or key is None or len(raw) < OVERHEAD_BYTES:
            raise SealBrokenError
        try:
            return key.decrypt(nonce, raw[start + _NONCE_BYTES :], about)
        except InvalidTag:
            raise SealBrokenError from None

    def is_current(self, sealed: bytes | memoryview) -> bool:
        """Whether the value lies under the current secret."""
        return bytes(sealed)[1 : 1 + _ID_BYTES] == self._keys()[0][0]

    def _keys(self) -> tuple[tuple[bytes, AESGCM], ...]:
        return _derived(self._purpose, tuple(self._secrets()))


def blind_index(secret: str, purpose: str, value: bytes) -> bytes:
    """32 bytes by which a sealed value is found: HMAC-SHA256 under a secret that never rotates."""
    return hmac.digest(_index_key(secret, purpose), value, "sha256")


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """A key of so many bytes (RFC 5869, SHA-256, no salt)."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)


@lru_cache(maxsize=16)
def _derived(purpose: bytes, secrets: tuple[str, ...]) -> tuple[tuple[bytes, AESGCM], ...]:
    """(name, key) for each secret."""
    keys = [hkdf(secret.encode(), purpose, 32) for secret in secrets]
    return tuple((hashlib.sha256(key).digest()[:_ID_BYTES], AESGCM(key)) for key in keys)


@lru_cache(maxsize=16)
def _index_key(secret: str, purpose: str) -> bytes:
    return hkdf(secret.encode(), purpose.encode(), 32)
