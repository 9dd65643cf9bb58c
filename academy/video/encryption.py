"""AES-128 for the profile `encrypted` (RFC 8216, section 4.3.2.4): keys, where they lie, segments.

A lecture has a content key for every few segments, and each of its renditions a key derived from
that, so that no two segments of a lecture share key and initialisation vector. Content keys lie in
the database, sealed under a secret that the database does not hold; players get them from the API
alone, never from the object store.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7
from django.conf import settings

from academy.core.errors import AppError
from academy.video.models import ContentKey

SEGMENTS_PER_KEY: Final = 15
"""About a minute: whoever learns one key sees that much of one rendition."""
KEY_BYTES: Final = 16
_BLOCK_BITS = 128
_SEALED_VERSION = b"\x01"
_ID_BYTES, _NONCE_BYTES = 4, 12
_KEY_SUFFIX = ".key"


def key_name(rendition: str, period: int) -> str:
    """The file by which a playlist asks for the key of a rendition in one period."""
    return f"{rendition}_{period:05d}{_KEY_SUFFIX}"


def key_of_segment(rendition: str, segments_per_key: int) -> Callable[[int], str]:
    """For playlists: the key file of the segment with a number."""
    return lambda number: key_name(rendition, number // segments_per_key)


def is_key_name(name: str) -> bool:
    """Whether a name is that of a key."""
    return name.endswith(_KEY_SUFFIX)


class SegmentCipher:
    """Encrypts and decrypts the segments of one lecture, whose keys are made as they are needed.

    Any number of workers may make the pieces of a lecture at once: they find the same keys.
    """

    def __init__(self, *, tenant: UUID, digest: str, segments_per_key: int) -> None:
        self._tenant = tenant
        self._digest = digest
        self._segments_per_key = segments_per_key
        self._content_keys: dict[int, bytes] = {}

    def encryptor(self, name: str) -> Callable[[bytes], bytes]:
        """What encrypts the segment of that name: AES-CBC with PKCS#7, its number as the IV.

        This asks the database; the function that it returns does not, and may run in any thread.
        """
        cipher = self._cipher(name)

        def encrypted(data: bytes) -> bytes:
            padder, encryptor = PKCS7(_BLOCK_BITS).padder(), cipher.encryptor()
            padded = padder.update(data) + padder.finalize()
            return encryptor.update(padded) + encryptor.finalize()

        return encrypted

    def decrypted(self, name: str, data: bytes) -> bytes:
        """The segment as it was. ValueError when the key or the data is another's."""
        decryptor, unpadder = self._cipher(name).decryptor(), PKCS7(_BLOCK_BITS).unpadder()
        padded = decryptor.update(data) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()

    def _cipher(self, name: str) -> Cipher[modes.CBC]:
        rendition, number = _segment(name)
        period = number // self._segments_per_key
        if period not in self._content_keys:
            self._content_keys[period] = _content_key(self._tenant, self._digest, period)
        key = _rendition_key(self._content_keys[period], rendition)
        return Cipher(algorithms.AES(key), modes.CBC(number.to_bytes(KEY_BYTES, "big")))


def _content_key(tenant: UUID, digest: str, period: int) -> bytes:
    """The key of a period, made now where it has none."""
    about = _about(tenant, digest, period)
    rows = ContentKey.objects.for_tenant(tenant).filter(digest=digest, number=period)
    row = rows.first()
    if row is None:
        sealed = seal(os.urandom(KEY_BYTES), about)
        made = ContentKey(tenant_id=tenant, digest=digest, number=period, sealed=sealed)
        # Another worker may be making it at this moment: whoever is first has made it.
        ContentKey.unscoped.bulk_create([made], ignore_conflicts=True)
        row = rows.get()
    return unseal(row.sealed, about)


def key_read(*, tenant: UUID, digest: str, name: str) -> bytes:
    """The 16 bytes that a player asks for by the name of a key.

    Raises AppError: ``not_found``, ``video_key_unavailable``.
    """
    rendition, number = _segment(name)
    rows = ContentKey.objects.for_tenant(tenant).filter(digest=digest, number=number)
    row = rows.first()
    if not digest or row is None:
        raise AppError("not_found")
    content_key = unseal(row.sealed, _about(tenant, digest, number))
    return _rendition_key(content_key, rendition)


def keys_reseal(batch: int = 500) -> int:
    """Seal every key anew that lies under an older secret; returns how many."""
    current = _wrapping_keys()[0][0]
    resealed = 0
    for row in ContentKey.unscoped.order_by("pk").iterator(chunk_size=batch):
        if bytes(row.sealed)[1 : 1 + _ID_BYTES] == current:
            continue
        about = _about(row.tenant_id, row.digest, row.number)
        sealed = seal(unseal(row.sealed, about), about)
        resealed += ContentKey.unscoped.filter(pk=row.pk).update(sealed=sealed)
    return resealed


def seal(key: bytes, about: bytes) -> bytes:
    """The key under the current secret, bound to what it is about: AES-256-GCM."""
    name, wrapping = _wrapping_keys()[0]
    nonce = os.urandom(_NONCE_BYTES)
    return _SEALED_VERSION + name + nonce + AESGCM(wrapping).encrypt(nonce, key, about)


def unseal(sealed: bytes | memoryview, about: bytes) -> bytes:
    """The key again, under whichever secret it was sealed.

    Raises AppError(``video_key_unavailable``) when that secret is gone, or the row was tampered
    with.
    """
    data = bytes(sealed)
    start = 1 + _ID_BYTES
    name, nonce = data[1:start], data[start : start + _NONCE_BYTES]
    wrapping = dict(_wrapping_keys()).get(name)
    if data[:1] != _SEALED_VERSION or wrapping is None:
        raise AppError("video_key_unavailable")
    try:
        return AESGCM(wrapping).decrypt(nonce, data[start + _NONCE_BYTES :], about)
    except InvalidTag:
        raise AppError("video_key_unavailable") from None


def _wrapping_keys() -> tuple[tuple[bytes, bytes], ...]:
    return _derived(tuple(settings.VIDEO_KEY_SECRETS))


@lru_cache(maxsize=4)
def _derived(secrets: tuple[str, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """(name, key) for each secret, the current one first."""
    keys = [_hkdf(secret.encode(), b"academy.video.content-key", 32) for secret in secrets]
    return tuple((hashlib.sha256(key).digest()[:_ID_BYTES], key) for key in keys)


def _rendition_key(content_key: bytes, rendition: str) -> bytes:
    return _hkdf(content_key, b"academy.video.rendition:" + rendition.encode(), KEY_BYTES)


def _hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)


def _about(tenant: UUID, digest: str, number: int) -> bytes:
    """A key that is moved to another tenant, lecture or period does not open."""
    return f"{tenant}:{digest}:{number}".encode()


def _segment(name: str) -> tuple[str, int]:
    """Rendition and number of ``NAME_00000.m4s``, or of a key's name."""
    rendition, _, rest = name.rpartition("_")
    number = rest.partition(".")[0]
    if not rendition or not number.isascii() or not number.isdigit():
        raise AppError("not_found")
    return rendition, int(number)
